/** Keep the screen on: sensors rest with it. */

/** Ask for it now and whenever the page is seen again; failed(text) is told, once, where it cannot be. */
export function keepAwake(failed) {
  let told = false;
  const tell = (text) => {
    if (!told) failed(text);
    told = true;
  };
  const ask = async () => {
    if (document.hidden) return;
    try {
      await navigator.wakeLock.request("screen");
    } catch {
      tell("The phone did not let the page keep the screen on; while it is off, nothing is measured.");
    }
  };
  if (!("wakeLock" in navigator)) {
    tell("This browser cannot keep the screen on; while it is off, nothing is measured. Set a longer time to lock.");
    return;
  }
  document.addEventListener("visibilitychange", ask);
  ask();
}
