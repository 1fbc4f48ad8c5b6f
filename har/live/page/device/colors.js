/** One colour a name: har/recognition/colors.py. */

export class Colors {
  #tables;
  #words;

  constructor(tables, words) { [this.#tables, this.#words] = [tables, words]; }

  async of(names) {
    const { palette, greys, places } = this.#tables;
    const colors = new Map();
    const taken = new Set();
    const others = [];
    for (const name of names) {
      const place = places[this.#words.groupOf(name)];
      if (Object.hasOwn(greys, name)) colors.set(name, greys[name]);
      else if (place === undefined || taken.has(place)) others.push(name);
      else {
        colors.set(name, palette[place]);
        taken.add(place);
      }
    }
    for (const name of others) {
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
      const first = new DataView(digest).getUint32(0) % palette.length;
      const free = palette.map((_, step) => (first + step) % palette.length).find((one) => !taken.has(one));
      colors.set(name, palette[free ?? first]);
      taken.add(free ?? first);
    }
    return Object.fromEntries(names.map((name) => [name, colors.get(name)]));
  }
}
