// `attributionReporting` of RequestInit, with its neighbour `sharedStorageWritable`, and
// XMLHttpRequest.setAttributionReporting. A request's own `Accept` stays; the token stands beside it as a media range of
// its own.

/** @type {(value: any) => boolean} */
const toBoolean = (value) => !!value;

const toAttributionReportingRequestOptions = dictionary("AttributionReportingRequestOptions", [
  { name: "eventSourceEligible", convert: toBoolean, required: true },
  { name: "triggerEligible", convert: toBoolean, required: true },
]);

/** @type {Member} */
const attributionReportingMember = bare({
  name: "attributionReporting",
  convert: toAttributionReportingRequestOptions,
});

/** @param {{ eventSourceEligible: boolean, triggerEligible: boolean }} options */
const eligibilityOf = ({ eventSourceEligible, triggerEligible }) => {
  if (eventSourceEligible) return triggerEligible ? "event-source-or-trigger" : "event-source";
  return triggerEligible ? "trigger" : "empty";
};

const failUnlessAllowed = () => {
  if (isFeatureAllowed(attributionReportingFeature)) return;
  throw new Failure(
    "Attribution Reporting operations require that the attribution-reporting Permissions Policy feature be enabled.",
    "NotAllowedError",
    true,
  );
};

/**
 * What a RequestInit makes its request eligible for; undefined where it does not say.
 *
 * @param {any} init
 * @returns {string | undefined}
 */
const eligibilityInInit = (init) => {
  if (!isObject(init)) return undefined;
  const { attributionReporting: options } = readAlone(attributionReportingMember, "RequestInit", init);
  if (options === undefined) return undefined;
  if (!inSecureContext) {
    fail("attributionReporting: Attribution Reporting operations are only available in secure contexts.");
  }
  failUnlessAllowed();
  return eligibilityOf(options);
};

/** @type {(member: Member, dictionaryName: string, value: any) => any} */
const readAlone = (member, dictionaryName, value) => {
  const converted = createObject(null);
  readMember(member, dictionaryName, value, converted);
  return converted;
};

/**
 * What a request is to be beside what the browser knows of; undefined where nothing is said.
 *
 * @typedef {object} Marks
 * @property {string | undefined} eligibility
 * @property {boolean | undefined} writable whether its responses may write to Shared Storage
 */

/** Of the Requests that have some. @type {WeakMap<object, Marks>} */
const marksOfRequests = new WeakMapConstructor();

/** @param {any} input a Request, or a URL */
const marksOfInput = (input) => (isObject(input) ? weakGet(marksOfRequests, input) : undefined);

/** @type {(init: any) => Marks} */
const marksInInit = (init) => bare({ eligibility: eligibilityInInit(init), writable: writableInInit(init) });

/** @type {(own: Marks, input: any) => Marks} */
const withMarksOfInput = ({ eligibility, writable }, input) => {
  const inherited = marksOfInput(input);
  return bare({ eligibility: eligibility ?? inherited?.eligibility, writable: writable ?? inherited?.writable });
};

/** @type {(request: object, marks: Marks) => void} */
const keepMarks = (request, marks) => {
  if (marks.eligibility !== undefined || marks.writable !== undefined) weakSet(marksOfRequests, request, marks);
};

/**
 * The conversion that precedes the reading of the RequestInit; Requests stay what they are.
 *
 * @param {any} input
 */
const toRequestInfo = (input) => (isObject(input) && !isRequest(input) ? toUSVString(input) : input);

/** @param {object} value */
const isRequest = (value) => {
  try {
    urlOfRequest(value);
    return true;
  } catch {
    return false;
  }
};

/**
 * The request that fetch makes of its arguments, with the token if it has something to announce; undefined where it is
 * an ordinary one, or fetch will refuse.
 *
 * @param {any} input
 * @param {any} init
 * @param {Marks} own what `init` says
 */
const announcedRequest = (input, init, own) => {
  const marks = withMarksOfInput(own, input);
  const eligibility = mayRegister() ? marks.eligibility : undefined;
  if (eligibility === undefined && marks.writable === undefined) return undefined;
  let request;
  try {
    request = new NativeRequest(input, init);
  } catch {
    return undefined;
  }
  const url = resolveUrl(urlOfRequest(request), "about:blank");
  if (own.writable !== undefined) checkWritableUrl(url);
  if (eligibility === undefined && !marks.writable) return request;
  const accept =
    eligibility === undefined
      ? announceWritableRequest(url)
      : announceRequest({ eligibility, kind: "fetch", url }, marks.writable);
  appendHeader(headersOfRequest(request), "Accept", accept);
  return request;
};

/** @type {Steps} */
const fetchSteps = (callee, receiver, args) => {
  const init = args[1];
  if (!isObject(init) && marksOfInput(args[0]) === undefined) return apply(nativeFetch, receiver, args);
  const context = "Failed to execute 'fetch' on 'Window': ";
  try {
    const input = toRequestInfo(args[0]);
    const request = announcedRequest(input, init, marksInInit(init));
    return apply(nativeFetch, receiver, request === undefined ? [input, init] : [request]);
  } catch (thrown) {
    const exception = Failure.is(thrown) ? exceptionOf(thrown, context, callee) : thrown;
    return new PromiseConstructor((_, reject) => reject(exception));
  }
};

/** `new Request`; the receiver is `new.target`. @type {Steps} */
const requestSteps = (callee, newTarget, args) => {
  try {
    if (args.length === 0) return construct(NativeRequest, args, newTarget);
    const input = toRequestInfo(args[0]);
    const own = marksInInit(args[1]);
    const request = construct(NativeRequest, [input, args[1]], newTarget);
    if (own.writable !== undefined) checkWritableUrl(urlOfRequest(request));
    keepMarks(request, withMarksOfInput(own, input));
    return request;
  } catch (thrown) {
    if (Failure.is(thrown)) throw exceptionOf(thrown, "Failed to construct 'Request': ", callee);
    throw withoutOurFrames(thrown, callee);
  }
};

/** @type {Around} */
const aroundCloneRequest = (native, receiver, args) => {
  const clone = apply(native, receiver, args);
  const marks = marksOfInput(receiver);
  if (marks !== undefined) weakSet(marksOfRequests, clone, marks);
  return clone;
};

/** @type {Steps} */
const setAttributionReportingSteps = (callee, receiver, args) => {
  let context = "";
  try {
    if (!isXMLHttpRequest(receiver)) fail("Illegal invocation");
    context = "Failed to execute 'setAttributionReporting' on 'XMLHttpRequest': ";
    if (args.length < 1) fail("1 argument required, but only 0 present.");
    const eligibility = eligibilityOf(toAttributionReportingRequestOptions(args[0]));
    failUnlessOpened(receiver);
    failUnlessAllowed();
    if (mayRegister()) setRequestHeader(receiver, "Accept", announceRequest({ eligibility, kind: "xhr" }));
  } catch (thrown) {
    throw Failure.is(thrown) ? exceptionOf(thrown, context, callee) : thrown;
  }
};

/** @param {any} value */
const isXMLHttpRequest = (value) => {
  try {
    return readyStateOfXhr(value) >= 0;
  } catch {
    return false;
  }
};

/** @param {any} request opened, and not sent: then alone may the credentials flag be set, here to what it is */
const failUnlessOpened = (request) => {
  try {
    if (readyStateOfXhr(request) === 1) {
      setCredentialsFlag(request, credentialsFlagOf(request));
      return;
    }
  } catch {
    // Sent.
  }
  throw new Failure("The object's state must be OPENED.", "InvalidStateError", true);
};

/** `Request`, whose receiver in the steps is `new.target`. @type {Look} */
const constructorLikeNative = (steps, native) => {
  const trap = (/** @type {any} */ _, /** @type {any[]} */ args, /** @type {any} */ newTarget) =>
    steps(trap, newTarget, args);
  return new ProxyConstructor(native, bare({ construct: trap }));
};

const hookRequests = () => {
  defineOperation(global, "fetch", nativeFetchLook(fetchSteps));
  const request = constructorLikeNative(requestSteps, NativeRequest);
  defineHidden(global, "Request", request);
  defineHidden(NativeRequest.prototype, "constructor", request);
  hookMethod(NativeRequest.prototype, "clone", aroundCloneRequest);
  const { prototype } = XMLHttpRequest;
  if (getOwnPropertyDescriptor(prototype, "setAttributionReporting") === undefined) return;
  defineOperation(prototype, "setAttributionReporting", nativeSetAttributionReporting(setAttributionReportingSteps));
};
