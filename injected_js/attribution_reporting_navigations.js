// Navigation sources: links with `attributionsrc` that are followed, and `window.open` with the feature. Both need the
// user's activation, or are navigations like any other.

const navigating = "navigation-source";
/** `Event.NONE`. */
const notDispatched = 0;
let lastNavigation = 0;

/**
 * Announces a navigation, and names it for its background requests.
 *
 * @param {string} url
 */
const announceNavigation = (url) => {
  const navigation = ++lastNavigation;
  announce("navigation", { navigation, url });
  return navigation;
};

const mayNavigateAsSource = () => mayRegister() && isActiveNow(userActivation);

/**
 * The link that a click follows, if it has the attribute.
 *
 * @param {Event} event
 * @returns {Element | undefined}
 */
const registeringLinkOf = (event) => {
  if (typeOf(event) === "auxclick" && buttonOf(event) === 2) return undefined;
  const path = pathOf(event);
  for (let i = 0; i < path.length; i++) {
    if (path[i] === global || nodeTypeOf(path[i]) !== 1) continue;
    const name = localNameOf(path[i]);
    if ((name !== "a" && name !== "area") || namespaceOf(path[i]) !== htmlNamespace) continue;
    if (!hasAttribute(path[i], "href")) continue;
    const isSource = hasAttribute(path[i], "attributionsrc") && !hasAttribute(path[i], "download");
    return isSource ? path[i] : undefined;
  }
  return undefined;
};

/** @param {Element} link */
const targetOf = (link) => resolveUrl(getAttribute(link, "href") ?? "", baseUriOf(link));

/** @param {Element} link */
const linkReferrerPolicyOf = (link) => {
  const relation = ` ${toLowerCase(getAttribute(link, "rel") ?? "")} `;
  return indexOf(relation, " noreferrer ") >= 0 ? "no-referrer" : referrerPolicyOf(link);
};

/**
 * What a click on `link` comes to, once every listener has had its say.
 *
 * @param {Event} event
 * @param {Element} link
 * @param {string} announcedUrl
 * @param {number} announced
 */
const follow = (event, link, announcedUrl, announced) => {
  const url = targetOf(link);
  const prevented = isPrevented(event);
  if (prevented || url !== announcedUrl) announce("cancelled", { navigation: announced });
  if (prevented || !mayRegister()) return;
  const navigation = url === announcedUrl ? announced : announceNavigation(url);
  const urls = suitableUrls(getAttribute(link, "attributionsrc") ?? "", baseUriOf(link));
  requestInBackground(urls, linkReferrerPolicyOf(link), { eligibility: navigating, navigation });
};

/** The clicks seen to: one can pass several of our listeners. @type {WeakSet<Event>} */
const followed = new WeakSetConstructor();

/**
 * Runs first of all listeners. It announces what may follow at once, and looks again after the last of them: in the
 * bubbling phase, or where the page stops the event on its way, as this window begins to navigate, with the dispatch
 * over (a later task may find the document gone). Any other window leaves time for a task of its own.
 *
 * @param {Event} event
 */
const onClick = (event) => {
  if (!mayNavigateAsSource()) return;
  const link = registeringLinkOf(event);
  if (link === undefined || weakHas(followed, event)) return;
  weakAdd(followed, event);
  const url = targetOf(link);
  const announced = announceNavigation(url);
  const channel = new MessageChannelConstructor();
  const port = firstPortOf(channel);
  let isDone = false;
  const finish = () => {
    if (isDone) return;
    isDone = true;
    removeEventListenerFrom(global, typeOf(event), atEnd);
    removeEventListenerFrom(navigation, "navigate", atNavigation);
    closePort(port);
    quietly(() => follow(event, link, url, announced));
  };
  const atEnd = (/** @type {Event} */ reached) => {
    if (reached === event) finish();
  };
  const atNavigation = () => {
    if (phaseOf(event) === notDispatched) finish();
  };
  addEventListenerTo(global, typeOf(event), atEnd);
  addEventListenerTo(navigation, "navigate", atNavigation, true);
  addEventListenerTo(port, "message", finish);
  startPort(port);
  postToPort(secondPortOf(channel), null);
};

const listener = (/** @type {Event} */ event) => quietly(() => onClick(event));

/** Before any listener of the page's; `document.open` takes all of the window's away. @param {EventTarget} target */
const watchClicks = (target) => {
  addEventListenerTo(target, "click", listener, true);
  addEventListenerTo(target, "auxclick", listener, true);
};

/** A link outside the document can be clicked by a script, and its event never gets to the window. @type {Around} */
const aroundClick = (native, receiver, args) => {
  quietly(() => {
    if (!isConnected(receiver)) watchClicks(rootOf(receiver));
  });
  return apply(native, receiver, args);
};

/** Of a click in a closed shadow tree the window is told no more than the host. @type {Around} */
const aroundAttachShadow = (native, receiver, args) => {
  const root = apply(native, receiver, args);
  quietly(() => watchClicks(root));
  return root;
};

const hookLinks = () => {
  hookMethod(HTMLElement.prototype, "click", aroundClick);
  hookMethod(Element.prototype, "attachShadow", aroundAttachShadow);
};
