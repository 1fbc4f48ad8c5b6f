/** A button that loads the text encoder, which own words take. */

/** load(progress): loads it, and tells the share that is there. */
export function offerText(megabytes, load) {
  const button = Object.assign(document.createElement("button"), { type: "button", id: "load-text" });
  const offered = `Load the text encoder (${megabytes} MB) to use your own words`;
  button.textContent = offered;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const said = document.getElementById("words-said");
    try {
      await load((share) => { button.textContent = `Loading … ${Math.round(100 * share)} %`; });
      button.remove();
      said.textContent = "Any words can be added now.";
      said.dataset.bad = false;
    } catch (error) {
      said.textContent = error.message;
      said.dataset.bad = true;
      button.textContent = offered;
      button.disabled = false;
    }
  });
  document.getElementById("add").after(button);
}
