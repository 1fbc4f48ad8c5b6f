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
    const item = element("li", "chip");
    const said = element("span", "said-of");
    said.append(element("span", "name", label), element("span", "percent"), element("span", "taught", "taught"));
    item.append(element("span", "swatch"), said, element("span", "share"));
    const button = element("button", "", "×");
    button.type = "button";
    button.setAttribute("aria-label", `Remove ${label}`);
    button.addEventListener("click", () => this.#remove(label));
    item.append(button);
    return item;
  }
}

function element(kind, name, text = "") {
  return Object.assign(document.createElement(kind), { className: name, textContent: text });
}
