// Shows the creative whose turn it is in this browser, which this page never learns, and counts the browser.
// @ts-check
import { byId } from "../common/dom.js";
import { count } from "./reach.js";

const slot = /** @type {HTMLIFrameElement} */ (byId("creative"));
const status = byId("reach");
const urls = (slot.dataset.urls ?? "").split(" ");
count(status.dataset, urls)
  .catch((reason) => ({ src: urls[0], sentence: `The browser declined to count: ${reason.name}` }))
  .then(({ src = urls[0], sentence }) => {
    slot.src = src;
    status.textContent = sentence;
    status.dataset.state = "done";
  });
