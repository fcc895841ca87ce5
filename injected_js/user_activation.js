// Runs in an isolated world, where a page cannot forge an event nor see the listener: tells the host of the input
// events that activate the user (HTML, "activation triggering input event").
{
  const report = globalThis["__TALLYHOST_BINDING__"];
  delete globalThis["__TALLYHOST_BINDING__"];
  const activates = (/** @type {any} */ event) =>
    event.isTrusted &&
    (event.type === "mousedown" ||
      event.type === "touchend" ||
      (event.type === "keydown" && event.key !== "Escape") ||
      (event.type === "pointerdown" && event.pointerType === "mouse") ||
      (event.type === "pointerup" && event.pointerType !== "mouse"));
  for (const type of ["keydown", "mousedown", "pointerdown", "pointerup", "touchend"]) {
    addEventListener(type, (event) => { if (activates(event)) report(""); }, { capture: true, passive: true });
  }
}
