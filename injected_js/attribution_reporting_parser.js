// Elements with `attributionsrc` that the document's own parser makes. Nothing tells scripts of them but an observer of
// the whole document, under which a long page takes twice as long to parse. So the document is searched now and then
// while it is parsed, when a navigation is about to end it, and at the parser's end.

/** Milliseconds between searches; one takes well under a millisecond. */
const searchInterval = 50;

/** Whether the document is being parsed, as far as these scripts have seen to it. */
let isBeingParsed = false;

/** Acts on what the parser has made by itself. */
const searchParsed = () => {
  isParsing = true;
  try {
    actOnNewInside(global.document);
  } finally {
    isParsing = false;
  }
};

const searchOnNavigation = () => quietly(searchParsed);

const searchLater = () => {
  const searching = postTask(scheduler, searchAgain, bare({ delay: searchInterval }));
  defineProperty(searching, "constructor", bare({ value: undefined })); // a page's own is not to be looked at
  thenOf(searching, ignoreResult, ignoreResult);
};

const searchAgain = () => {
  if (!isBeingParsed) return;
  if (readyStateOf(global.document) !== "loading") return searchLast(); // unheard: document.open takes all listeners
  quietly(searchParsed);
  searchLater();
};

/** At the end of parsing. */
const searchLast = () => {
  isBeingParsed = false;
  removeEventListenerFrom(navigation, "navigate", searchOnNavigation);
  quietly(searchParsed);
};

/** Watches the Window's document, of which something may be there already. */
const watchDocument = () => {
  watchClicks(global);
  if (firstChildOf(global.document) !== null) quietly(searchParsed);
  if (readyStateOf(global.document) !== "loading") return;
  addEventListenerTo(global.document, "readystatechange", searchLast, bare({ once: true }));
  addEventListenerTo(navigation, "navigate", searchOnNavigation);
  if (isBeingParsed) return;
  isBeingParsed = true;
  searchLater();
};

/** Around what feeds the parser by script. @type {Around} */
const aroundWrite = (native, receiver, args) => {
  if (receiver !== global.document) return apply(native, receiver, args);
  const mayName = someMayNameAttribute(args);
  if (mayName) quietly(searchParsed);
  const result = apply(native, receiver, args);
  quietly(() => {
    if (mayName) actOnNewInside(receiver);
    watchDocument();
  });
  return result;
};

/** @param {ArrayLike<any>} texts */
const someMayNameAttribute = (texts) => {
  for (let i = 0; i < texts.length; i++) if (mayNameAttribute(texts[i])) return true;
  return false;
};

/** Contents of templates whose elements have been marked: moved into the document, they do not register. */
const marked = new WeakSetConstructor();

/** @type {Around} */
const aroundContent = (native, receiver, args) => {
  const content = apply(native, receiver, args);
  if (isBeingParsed && !weakHas(marked, content)) {
    quietly(() => {
      weakAdd(marked, content);
      actOnNewInside(content);
    });
  }
  return content;
};

const hookParser = () => {
  hookMethod(Document.prototype, "write", aroundWrite);
  hookMethod(Document.prototype, "writeln", aroundWrite);
  hookMethod(Document.prototype, "open", (native, receiver, args) =>
    (args.length < 3 ? aroundWrite : aroundOpen)(native, receiver, args),
  );
  hookGetter(HTMLTemplateElement.prototype, "content", aroundContent);
  watchDocument();
};
