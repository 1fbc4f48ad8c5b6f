/** Canvases that are sharp on every screen. */

/** The context of a canvas whose units are CSS pixels, with its width and height in them. */
export function fitted(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A colour of the style sheet, which follows the scheme. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Call draw at most so many times a second, and only while the page is seen. */
export function drawn(draw, a_second) {
  let due = false;
  return () => {
    if (due || document.hidden) return;
    due = true;
    setTimeout(() => requestAnimationFrame(() => {
      due = false;
      draw();
    }), 1000 / a_second);
  };
}

/** Black or white, whichever reads better on a colour (relative luminance, WCAG 2.2). */
export function inkOn(background) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}
