// Counts the browser for the campaign of an ad's frame; see reach.js.
// @ts-check
import { byId } from "../common/dom.js";
import { count } from "./reach.js";

const status = byId("reach");
count(status.dataset)
  .catch((reason) => ({ sentence: `The browser declined to count: ${reason.name}` }))
  .then(({ sentence }) => {
    status.textContent = sentence;
    status.dataset.state = "done";
  });
