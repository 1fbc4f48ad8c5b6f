/** The words to choose from: each with how likely it is now, and a button that removes it. */

export class Chips {
  #list;
  #items = new Map();
  #remove;

  /** remove(label): somebody wants it gone. */
  constructor(list, remove) { [this.#list, this.#remove] = [list, remove]; }

  get labels() { return [...this.#items.keys()]; }

  show({ labels, colors, taught }) {
    const items = new Map(labels.map((label) => [label, this.#items.get(label) ?? this.#item(label)]));
    for (const [label, item] of items) {
      item.querySelector(".swatch").style.background = colors[label];
      item.querySelector(".taught").hidden = !taught.includes(label);
      item.querySelector("button").disabled = labels.length < 2;
    }
    this.#items = items;
    // Moving an item in the page takes the focus from it: only what changed is touched.
    for (const child of [...this.#list.children]) if (![...items.values()].includes(child)) child.remove();
    [...items.values()].forEach((item, place) => {
      if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
    });
  }

  heard({ labels, probabilities, name }) {
    labels.forEach((label, place) => {
      const item = this.#items.get(label);
      if (!item) return;
      const share = probabilities[place] ?? 0;
      item.dataset.current = label === name;
      item.querySelector(".percent").textContent = `${Math.round(100 * share)} %`;
      item.querySelector(".share").style.transform = `scaleX(${share})`;
    });
  }

  #item(label) {
    const item = document.createElement("li");
    item.className = "chip";
    const parts = { swatch: "", name: label, taught: "taught", percent: "", share: "" };
    for (const [kind, text] of Object.entries(parts)) {
      const part = document.createElement("span");
      part.className = kind;
      part.textContent = text;
      if (kind === "share" || kind === "swatch") part.setAttribute("aria-hidden", "true");
      item.append(part);
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Remove ${label}`);
    button.addEventListener("click", () => this.#remove(label));
    item.append(button);
    return item;
  }
}
