// What the DOM gives, taken like what the language gives in primordials.js, and for the same reason.

const {
  MessageChannel: MessageChannelConstructor,
  Request: NativeRequest,
  WeakSet: WeakSetConstructor,
  crypto: ownCrypto,
  fetch: nativeFetch,
} = global;

const toLowerCase = uncurryThis(String.prototype.toLowerCase);
const weakAdd = uncurryThis(WeakSet.prototype.add);
const weakHas = uncurryThis(WeakSet.prototype.has);
const thenOf = uncurryThis(Promise.prototype.then);
const randomUuid = uncurryThis(Crypto.prototype.randomUUID ?? (() => ""));
const getRandomValues = uncurryThis(Crypto.prototype.getRandomValues);
const hashOf = uncurryGetter(URL.prototype, "hash");
const hrefOf = uncurryGetter(URL.prototype, "href");

const navigatorOf = uncurryGetter(global, "navigator");
const userActivation = navigator.userActivation;
const isActiveNow = uncurryGetter(UserActivation.prototype, "isActive");
const windowOf = uncurryGetter(Document.prototype, "defaultView");
const readyStateOf = uncurryGetter(Document.prototype, "readyState");

const baseUriOf = uncurryGetter(Node.prototype, "baseURI");
const firstChildOf = uncurryGetter(Node.prototype, "firstChild");
const isConnected = uncurryGetter(Node.prototype, "isConnected");
const lastChildOf = uncurryGetter(Node.prototype, "lastChild");
const nextSiblingOf = uncurryGetter(Node.prototype, "nextSibling");
const nodeTypeOf = uncurryGetter(Node.prototype, "nodeType");
const ownerDocumentOf = uncurryGetter(Node.prototype, "ownerDocument");
const parentOf = uncurryGetter(Node.prototype, "parentNode");
const previousSiblingOf = uncurryGetter(Node.prototype, "previousSibling");
const rootOf = uncurryThis(Node.prototype.getRootNode);

const firstElementIn = uncurryGetter(Element.prototype, "firstElementChild");
const getAttribute = uncurryThis(Element.prototype.getAttribute);
const hasAttribute = uncurryThis(Element.prototype.hasAttribute);
const localNameOf = uncurryGetter(Element.prototype, "localName");
const namespaceOf = uncurryGetter(Element.prototype, "namespaceURI");
const findInDocument = uncurryThis(Document.prototype.querySelectorAll);
const findInElement = uncurryThis(Element.prototype.querySelectorAll);
const findInFragment = uncurryThis(DocumentFragment.prototype.querySelectorAll);
const lengthOfNodes = uncurryGetter(NodeList.prototype, "length");
const nameOfAttr = uncurryGetter(Attr.prototype, "name");
const ownerElementOf = uncurryGetter(Attr.prototype, "ownerElement");

const { navigation, scheduler } = /** @type {any} */ (global);
const postTask = uncurryThis(scheduler.postTask);

const buttonOf = uncurryGetter(MouseEvent.prototype, "button");
const isPrevented = uncurryGetter(Event.prototype, "defaultPrevented");
const phaseOf = uncurryGetter(Event.prototype, "eventPhase");
const pathOf = uncurryThis(Event.prototype.composedPath);
const typeOf = uncurryGetter(Event.prototype, "type");
const removeEventListenerFrom = uncurryThis(EventTarget.prototype.removeEventListener);
const closePort = uncurryThis(MessagePort.prototype.close);
const firstPortOf = uncurryGetter(MessageChannel.prototype, "port1");
const postToPort = uncurryThis(MessagePort.prototype.postMessage);
const secondPortOf = uncurryGetter(MessageChannel.prototype, "port2");
const startPort = uncurryThis(MessagePort.prototype.start);

const appendHeader = uncurryThis(Headers.prototype.append);
const getHeader = uncurryThis(Headers.prototype.get);
const headersOfRequest = uncurryGetter(Request.prototype, "headers");
const headersOfResponse = uncurryGetter(Response.prototype, "headers");
const textOfResponse = uncurryThis(Response.prototype.text);
const urlOfRequest = uncurryGetter(Request.prototype, "url");
const credentialsFlagOf = uncurryGetter(XMLHttpRequest.prototype, "withCredentials");
const setCredentialsFlag = uncurrySetter(XMLHttpRequest.prototype, "withCredentials");
const readyStateOfXhr = uncurryGetter(XMLHttpRequest.prototype, "readyState");
const setRequestHeader = uncurryThis(XMLHttpRequest.prototype.setRequestHeader);
