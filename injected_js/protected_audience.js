// The methods of Navigator that join interest groups and run auctions (protected-audience section 1). This Chromium still
// has them natively, and they do nothing; what they say of a receiver or a document that is gone is theirs to say.

const audienceApi = "protectedAudience";
const joinFeature = "join-ad-interest-group";
const auctionFeature = "run-ad-auction";
const promiseRefused = "Promise argument rejected or resolved to invalid value.";
const { ProtectedAudience: NativeProtectedAudience } = /** @type {any} */ (global);

const audience = newState("Navigator", audienceApi, undefined);
let lastAuction = 0;

/** @param {unknown} value */
const isNavigator = (value) => {
  try {
    clipboardOf(value);
    return true;
  } catch {
    return false;
  }
};

/**
 * Puts a method that returns a promise in the place of a native one of Navigator.
 *
 * @param {string} name
 * @param {number} required number of required arguments
 * @param {(args: ArrayLike<any>) => Promise<any>} run
 */
const replaceOnNavigator = (name, required, run) => {
  const prototype = /** @type {object} */ (getPrototypeOf(ownNavigator));
  const descriptor = getOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) return;
  const { value: native } = descriptor;
  const context = `Failed to execute '${name}' on 'Navigator': `;
  /** @type {Steps} */
  const steps = (callee, receiver, args) => {
    if (!isNavigator(receiver) || args.length < required || !isActive()) return apply(native, receiver, args);
    bare(args);
    try {
      return run(args);
    } catch (failure) {
      return rejected(refusalOf(failure, context, callee, name, audience));
    }
  };
  descriptor.value = likeNative(steps, native);
  defineProperty(prototype, name, bare(descriptor));
};

/** @param {unknown} reason */
const rejected = (reason) => new PromiseConstructor((_, reject) => reject(reason));

/** @param {string} feature */
const checkFeature = (feature) => {
  if (!isFeatureAllowed(feature)) {
    failWith("NotAllowedError", `Feature ${feature} is not enabled by Permissions Policy`);
  }
};

/** The message of every exception of the host's is complete. @type {(method: string, message: object) => Promise<any>} */
const askAudience = (method, message) => audience.ask(method, bare(message), ignoreResult, "");

/** @param {ArrayLike<any>} args */
const joinAdInterestGroup = (args) => {
  const group = toInterestGroup(args[0]);
  const durationSeconds = args[1] === undefined ? null : toDouble(args[1]);
  checkFeature(joinFeature);
  const message = { baseURL: baseUriOf(global.document), durationSeconds, group: messageOfGroup(group) };
  return askAudience("joinAdInterestGroup", message);
};

/** @param {ArrayLike<any>} args */
const leaveAdInterestGroup = (args) => {
  const { owner, name } = args.length === 0 ? bare({ owner: null, name: null }) : toInterestGroupKey(args[0]);
  checkFeature(joinFeature);
  return askAudience("leaveAdInterestGroup", { owner, name });
};

/** @param {ArrayLike<any>} args */
const clearOriginJoinedAdInterestGroups = (args) => {
  const owner = toUSVString(args[0]);
  const keep = args[1] === undefined ? bareArray() : toTexts(args[1]);
  checkFeature(joinFeature);
  return askAudience("clearOriginJoinedAdInterestGroups", { owner, keep });
};

/**
 * Waits for values that may be promised.
 *
 * @param {Record<string, any>} given
 * @param {string[]} names of what to wait for
 * @param {(values: any) => void} done
 * @param {() => void} failed
 */
const awaitMembers = (given, names, done, failed) => {
  const values = createObject(null);
  let left = names.length;
  for (let i = 0; i < names.length; i++) {
    const take = (/** @type {any} */ value) => {
      values[names[i]] = value;
      if (--left === 0) done(values);
    };
    afterwards(resolved(given[names[i]]), take, failed);
  }
};

const promisedMembers = bare(["auctionSignals", "sellerSignals", "perBuyerSignals", "perBuyerTimeouts", "resolveToConfig"]);

/**
 * What an auction's promise is fulfilled with.
 *
 * @param {string | null} urn
 * @param {unknown} resolveToConfig
 */
const auctionResult = (urn, resolveToConfig) => {
  if (urn === null) return null;
  watchFrames();
  return resolveToConfig ? newFencedFrameConfig(urn) : urn;
};

/** @param {ArrayLike<any>} args */
const runAdAuction = (args) => {
  const given = toAuctionConfig(args[0]);
  checkFeature(auctionFeature);
  const { signal } = given;
  if (signal !== undefined && isAborted(signal)) return rejected(reasonOf(signal));
  const auction = ++lastAuction;
  const baseURL = baseUriOf(global.document);
  return new PromiseConstructor((resolve, reject) => {
    if (signal !== undefined) {
      const abort = () => {
        reject(reasonOf(signal));
        audience.tell("abortAuction", bare({ auction }));
      };
      addEventListenerTo(signal, "abort", abort, bare({ once: true }));
    }
    const refuse = () => reject(exceptionOf(new Failure(promiseRefused), "", neverOnStack));
    const start = (/** @type {any} */ promised) => {
      try {
        const message = bare({ auction, baseURL, config: messageOfAuctionConfig(given, promised) });
        const answer = ({ urn }) => auctionResult(urn, promised.resolveToConfig);
        afterwards(audience.ask("runAdAuction", message, answer, ""), resolve, reject);
      } catch {
        refuse();
      }
    };
    awaitMembers(given, promisedMembers, start, refuse);
  });
};

/** @param {ArrayLike<any>} args */
const deprecatedUrnToUrl = (args) => {
  const urn = toUSVString(args[0]);
  if (!isUrn(urn)) fail("Passed URL must be a valid URN URL.");
  return audience.ask("deprecatedURNToURL", bare({ urn }), ({ url }) => url, "");
};

/** What Chromium 143 supported, in its order. @type {Record<string, boolean | number>} */
const supportedFeatures = bare({
  adComponentsLimit: 40,
  deprecatedRenderURLReplacements: true,
  reportingTimeout: true,
  permitCrossOriginTrustedSignals: true,
  realTimeReporting: true,
  selectableReportingIds: true,
  sellerNonce: true,
  trustedSignalsKVv2: true,
  maxGroupLifetimeMs: 2_592_000_000,
});

/** @type {Around} */
const aroundQueryFeatureSupport = (native, receiver, args) => {
  const value = apply(native, receiver, args); // refuses whatever is no ProtectedAudience
  const feature = `${args[0]}`;
  if (feature !== "*") return supportedFeatures[feature] ?? value;
  const names = enumerableKeys(supportedFeatures);
  for (let i = 0; i < names.length; i++) value[names[i]] = supportedFeatures[names[i]];
  return value;
};

/**
 * The host is told of an event by which the page asks for the winner's contributions. Events that go to servers, with
 * their data, have nobody to go to.
 *
 * @param {ArrayLike<any>} args of `reportEvent`
 */
const reportFenceEvent = (args) => {
  if (!isObject(args[0]) && args[0] !== undefined) audience.tell("reportEvent", bare({ event: `${args[0]}` }));
};

const exposeProtectedAudience = () => {
  replaceOnNavigator("joinAdInterestGroup", 1, joinAdInterestGroup);
  replaceOnNavigator("leaveAdInterestGroup", 0, leaveAdInterestGroup);
  replaceOnNavigator("clearOriginJoinedAdInterestGroups", 1, clearOriginJoinedAdInterestGroups);
  replaceOnNavigator("runAdAuction", 1, runAdAuction);
  replaceOnNavigator("deprecatedURNToURL", 1, deprecatedUrnToUrl);
  hookMethod(Navigator.prototype, "canLoadAdAuctionFencedFrame", (native, receiver, args) => {
    apply(native, receiver, args); // refuses whatever is no Navigator
    return true;
  });
  hookMethod(NativeProtectedAudience?.prototype, "queryFeatureSupport", aroundQueryFeatureSupport);
};
