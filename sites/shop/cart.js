// The cart lives in the address alone: /cart?product=lamp.
// @ts-check
import { byId } from "../common/dom.js";

const wanted = new URLSearchParams(location.search).get("product");
for (const row of document.querySelectorAll("[data-product]")) {
  if (!(row instanceof HTMLElement) || row.dataset.product !== wanted) continue;
  row.hidden = false;
  byId("cart").hidden = false;
  byId("empty").hidden = true;
  byId("chosen").setAttribute("value", wanted);
}
