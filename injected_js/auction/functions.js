// What each function of an auction's script finds on the global object while it runs, and the call itself
// (protected-audience, "Script globals").

const protocolOf = uncurryGetter(URL.prototype, "protocol");

/** @param {string} text */
const isHttps = (text) => {
  try {
    return protocolOf(new URLConstructor(text)) === "https:";
  } catch {
    return false;
  }
};

/** @param {string} name */
const takingUrl = (name) => (/** @type {ArrayLike<any>} */ args) => {
  checkCount(args, 1, name);
  const url = toUSVString(args[0]);
  return isHttps(url) ? url : fail(`${name} must be passed a valid HTTPS url`);
};

/** Takes a URL for the reports of a debugging that ended with Protected Audience itself. */
const newForDebuggingOnly = () =>
  scriptObject({
    reportAdAuctionWin: (args) => void takingUrl("reportAdAuctionWin")(args),
    reportAdAuctionLoss: (args) => void takingUrl("reportAdAuctionLoss")(args),
  });

const newRealTimeReporting = () =>
  scriptObject({ contributeToHistogram: (args) => checkCount(args, 1, "realTimeReporting.contributeToHistogram") });

/** The result of a function that comes to no end. @type {(args: ArrayLike<any>) => void} */
const setBid = (args) => {
  const json = args[0] === undefined ? undefined : toJson(args[0]);
  record.value = json !== undefined && fits(json) ? json : null;
};

/** @type {(args: ArrayLike<any>) => void} */
const setPriority = (args) => {
  checkCount(args, 1, "setPriority");
  toDouble(args[0]);
};

/** @type {(args: ArrayLike<any>) => void} */
const setPrioritySignalsOverride = (args) => {
  checkCount(args, 1, "setPrioritySignalsOverride");
  toDOMString(args[0]);
};

let reportWasAsked = false;

/** @type {(args: ArrayLike<any>) => void} */
const sendReportTo = (args) => {
  record.reportUrl = null;
  if (reportWasAsked) fail("sendReportTo may be called at most once");
  const url = takingUrl("sendReportTo")(args);
  reportWasAsked = true;
  record.reportUrl = fits(url) ? url : null;
};

let beaconsWereRegistered = false;

/** @type {(args: ArrayLike<any>) => void} */
const registerAdBeacon = (args) => {
  checkCount(args, 1, "registerAdBeacon");
  if (beaconsWereRegistered) fail("registerAdBeacon may be called at most once");
  if (!isObject(args[0])) fail("registerAdBeacon(): Cannot convert argument 'map' to a record since it's not an Object.");
  beaconsWereRegistered = true;
};

/** @type {(args: ArrayLike<any>) => void} */
const registerAdMacro = (args) => checkCount(args, 2, "registerAdMacro");

const functionsOf = bare({
  generateBid: bare({ setBid, setPriority, setPrioritySignalsOverride }),
  scoreAd: bare({}),
  reportWin: bare({ sendReportTo, registerAdBeacon, registerAdMacro }),
  reportResult: bare({ sendReportTo, registerAdBeacon }),
});

/**
 * @param {"generateBid" | "scoreAd" | "reportWin" | "reportResult"} name
 * @param {Allowed} allowed
 */
const exposeFunctions = (name, allowed) => {
  const isReporting = name === "reportWin" || name === "reportResult";
  if (!isReporting) {
    defineOwn(global, "forDebuggingOnly", newForDebuggingOnly());
    defineOwn(global, "realTimeReporting", newRealTimeReporting());
  }
  defineOwn(global, "privateAggregation", newPrivateAggregation(allowed.privateAggregation, isReporting));
  defineOwn(global, "sharedStorage", newSharedStorage(allowed.sharedStorage));
  exposeMethodClasses();
  /** @type {Record<string, (args: ArrayLike<any>) => void>} */
  const functions = functionsOf[name];
  const names = enumerableKeys(functions);
  for (let i = 0; i < names.length; i++) defineOwn(global, names[i], scriptFunction(names[i], functions[names[i]]));
};

/**
 * Calls a function of the script; what it throws is the host's to read.
 *
 * @param {any} name
 * @param {string} json its arguments
 * @param {Allowed} allowed
 */
const callFunction = (name, json, allowed) => {
  exposeFunctions(name, bare(allowed));
  const called = global[name];
  if (typeof called !== "function") {
    record.isFunction = false;
    return;
  }
  const value = apply(called, undefined, parseJson(json));
  try {
    const text = toJson(value);
    record.value = text !== undefined && fits(text) ? text : null;
  } catch {
    record.isJson = false;
  }
};
