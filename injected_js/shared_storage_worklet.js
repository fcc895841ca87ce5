// SharedStorageWorklet, and what `sharedStorage` does through its own (shared-storage sections 4, 5 and 7). What the code
// of a worklet does, no page can see; so `run` and `selectURL` settle here, by what is known of the worklet.

const workletName = "SharedStorageWorklet";
const selectUrlFeature = "shared-storage-select-url";

/**
 * What is known of a worklet.
 *
 * @typedef {object} WorkletFacts
 * @property {number} number by which the host knows it
 * @property {boolean} isRequested whether its module script has been asked for
 * @property {boolean} isExpired whether the last call that was accepted did not keep it alive
 * @property {boolean} isSelectUrlAllowed whether the permissions policy lets its data origin select URLs
 * @property {(() => void)[] | null} waiting what the host is told once the module script has been read from its blob
 */

const maxFencedFrameDepth = 1;

let lastWorklet = 0;
let urnsMade = 0;
const workletPrototype = {};
const workletInterface = nativeInterfaceObject(workletName, illegalConstructor(workletName));

/** @returns {object} a SharedStorageWorklet */
const newWorklet = () => {
  const state = newState(workletName, sharedStorageApi, undefined);
  state.worklet = bare({
    number: ++lastWorklet,
    isRequested: false,
    isExpired: false,
    isSelectUrlAllowed: true,
    waiting: null,
  });
  return platformObject(workletInterface, state);
};

/**
 * The state of the worklet that a call is for; a SharedStorage stands for its own.
 *
 * @param {State} state
 * @returns {State}
 */
const workletStateOf = (state) => (state.interface === workletName ? state : stateOf(state.worklet, workletName));

const checkActive = () => {
  if (!isActive()) failWith("InvalidAccessError", "A browsing context is required.");
};

/**
 * Sends what is about a worklet, in order.
 *
 * @param {WorkletFacts} worklet
 * @param {() => void} send
 */
const sendFor = (worklet, send) => {
  if (worklet.waiting === null) send();
  else worklet.waiting[worklet.waiting.length] = send;
};

// Module scripts.

const toCredentials = enumeration("RequestCredentials", "omit", "same-origin", "include");
/** @type {Member} */
const credentialsMember = { name: "credentials", convert: toCredentials, of: "WorkletOptions" };
const toWorkletOptions = orEmpty(dictionary("WorkletOptions", [credentialsMember]));
const toCreateWorkletOptions = orEmpty(
  dictionary("SharedStorageWorkletOptions", [
    credentialsMember,
    { name: "dataOrigin", convert: toUSVString },
  ]),
);

/**
 * @param {string} dataOrigin as the page wrote it
 * @param {string} scriptUrl
 * @returns {{ word: string, origin: string }} as the host is told it, and what it means
 */
const checkedDataOrigin = (dataOrigin, scriptUrl) => {
  if (dataOrigin === "context-origin") return bare({ word: dataOrigin, origin: originOf(global) });
  if (dataOrigin === "script-origin") {
    return bare({ word: dataOrigin, origin: originOfUrl(new URLConstructor(scriptUrl)) });
  }
  if (config.sharedStorage.customDataOrigin) {
    try {
      const origin = originOfUrl(new URLConstructor(dataOrigin));
      return bare({ word: origin, origin });
    } catch {
      // No URL.
    }
  }
  return failAlone("TypeError", 'The "dataOrigin" parameter is not a valid keyword or URL.', false);
};

/**
 * Asks for the module script of a worklet, for the one time that this may be done.
 *
 * @param {State} state of the worklet
 * @param {string} text of the URL
 * @param {{ credentials?: string, dataOrigin?: string }} options
 * @param {boolean} own whether it is `sharedStorage.worklet`
 * @param {any} value of the promise
 */
const requestModule = (state, text, { credentials = "same-origin", dataOrigin = "context-origin" }, own, value) => {
  checkActive();
  /** @type {WorkletFacts} */
  const worklet = state.worklet;
  const url = completeUrl(text);
  if (url === "") failAlone("DataError", "The module script url is invalid.");
  if (worklet.isRequested) failAlone("OperationError", "addModule() can only be invoked once per worklet.");
  const { word, origin } = checkedDataOrigin(dataOrigin, url);
  if (origin === "null") {
    failAlone("InvalidAccessError", "The shared storage method is not allowed to have an opaque data origin");
  }
  // Whether the document may use another origin's data, the host must say.
  if (origin === originOf(global) && !isFeatureAllowed(sharedStorageFeature)) {
    const message = 'The "shared-storage" Permissions Policy denied the method for the worklet origin.';
    failAlone("InvalidAccessError", message);
  }
  if (slice(url, 0, 5) === "data:") failAlone("OperationError", "data: module script url is not allowed.");
  worklet.isRequested = true;
  if (origin === originOf(global)) worklet.isSelectUrlAllowed = isFeatureAllowed(selectUrlFeature);
  const options = bare({ worklet: worklet.number, url, credentials, dataOrigin: word, own });
  const answer = (/** @type {any} */ result) => {
    worklet.isSelectUrlAllowed &&= result.selectURLAllowed !== false;
    return value;
  };
  if (slice(url, 0, 5) !== "blob:") return state.ask("createWorklet", options, answer, "");
  worklet.waiting = bareArray();
  return new PromiseConstructor((resolve, reject) =>
    readBlob(url, (script, type) => {
      const complete = bare({ ...options, text: script, textType: type });
      afterwards(state.ask("createWorklet", complete, answer, ""), resolve, reject);
      const waiting = /** @type {(() => void)[]} */ (worklet.waiting);
      worklet.waiting = null;
      for (let i = 0; i < waiting.length; i++) waiting[i]();
    }),
  );
};

/**
 * Reads what a blob: URL stands for; only the page can.
 *
 * @param {string} url
 * @param {(text: string | null, type: string) => void} take
 */
const readBlob = (url, take) => {
  const onFailure = () => take(null, "");
  const onResponse = (/** @type {any} */ response) => {
    const type = getHeader(headersOfResponse(response), "content-type") ?? "";
    afterwards(textOfResponse(response), (text) => take(text, type), onFailure);
  };
  afterwards(apply(nativeFetch, global, [url]), onResponse, onFailure);
};

const addModuleSteps = promiseOperation(workletName, "addModule", (state, args) => {
  const url = toUSVString(args[0]);
  return requestModule(state, url, toWorkletOptions(args[1]), true, undefined);
});

const createWorkletSteps = promiseOperation(sharedStorageName, "createWorklet", (_state, args) => {
  const url = toUSVString(args[0]);
  const options = toCreateWorkletOptions(args[1]);
  const worklet = newWorklet();
  return requestModule(stateOf(worklet, workletName), url, options, false, worklet);
});

// Operations.

/** @param {RunOptions} options */
const encodedData = ({ data }) => (data === undefined ? null : encodedClone(data));

/**
 * Checks whether a worklet takes a call, and records what that means for the next. A config that is refused afterwards
 * has used up a worklet that was not to be kept alive.
 *
 * @param {WorkletFacts} worklet
 * @param {"run" | "selectURL"} method
 * @param {RunOptions} options
 */
const admit = (worklet, method, { keepAlive = false, privateAggregationConfig }) => {
  if (!worklet.isRequested) {
    failAlone("OperationError", `sharedStorage.worklet.addModule() has to be called before ${method}().`);
  }
  if (method === "selectURL" && !worklet.isSelectUrlAllowed) {
    const message = 'The "shared-storage-select-url" Permissions Policy denied the method for the worklet origin.';
    failAlone("InvalidAccessError", message);
  }
  if (worklet.isExpired) {
    const reason = "because the previous operation did not include the option 'keepAlive: true'.";
    failAlone("OperationError", `The sharedStorage worklet cannot execute further operations ${reason}`);
  }
  worklet.isExpired = !keepAlive;
  return bare({
    worklet: worklet.number,
    keepAlive,
    config: checkedPrivateAggregationConfig(privateAggregationConfig),
  });
};

/**
 * @param {State} state of the worklet
 * @param {"run" | "selectURL"} method
 * @param {object} message
 * @param {any} value of the promise
 */
const callOperation = (state, method, message, value) => {
  /** @type {WorkletFacts} */
  const worklet = state.worklet;
  if (!config.sharedStorage.asks) {
    sendFor(worklet, () => state.tell(method, message));
    return resolved(value);
  }
  return new PromiseConstructor((resolve, reject) =>
    sendFor(worklet, () => afterwards(state.ask(method, message, () => value, ""), resolve, reject)),
  );
};

/** @param {string} interfaceName */
const runSteps = (interfaceName) =>
  promiseOperation(interfaceName, "run", (state, args) => {
    const name = toUSVString(args[0]);
    const options = toRunOptions(args[1]);
    checkActive();
    const data = encodedData(options);
    const worklet = workletStateOf(state);
    const message = bare({ ...admit(worklet.worklet, "run", options), name, data });
    return callOperation(worklet, "run", message, undefined);
  });

/** What only a selectURL that the worklet takes can fail for. */
const checkNewUrn = () => {
  if (fencedFrameDepth > maxFencedFrameDepth) {
    const limit = `exceeding the maximum allowed number (${maxFencedFrameDepth}).`;
    const context = `a context with a fenced frame depth (${fencedFrameDepth})`;
    failAlone("OperationError", `selectURL() is called in ${context} ${limit}`);
  }
  if (urnsMade === config.sharedStorage.maxUrns) {
    const reason = "number of urn::uuid to url mappings has reached the limit.";
    failAlone("OperationError", `sharedStorage.selectURL() failed because ${reason}`);
  }
  urnsMade++;
};

/** @param {string} interfaceName */
const selectUrlSteps = (interfaceName) =>
  promiseOperation(
    interfaceName,
    "selectURL",
    (state, args) => {
      const name = toUSVString(args[0]);
      const givenUrls = toUrlsWithMetadata(args[1]);
      const options = toRunOptions(args[2]);
      checkActive();
      const data = encodedData(options);
      const urls = checkedUrls(givenUrls);
      const worklet = workletStateOf(state);
      const admitted = admit(worklet.worklet, "selectURL", options);
      checkNewUrn();
      const urn = newUrn();
      watchFrames();
      const { resolveToConfig = false, savedQuery = "" } = options;
      const message = bare({ ...admitted, name, urls, data, savedQuery: toWellFormed(savedQuery), urn, resolveToConfig });
      return callOperation(worklet, "selectURL", message, resolveToConfig ? newFencedFrameConfig(urn) : urn);
    },
    2,
  );

const exposeSharedStorageWorklet = () => {
  definePromiseOperation(workletPrototype, "addModule", 1, addModuleSteps);
  defineHidden(workletPrototype, "constructor", workletInterface);
  definePromiseOperation(workletPrototype, "run", 1, runSteps(workletName));
  definePromiseOperation(workletPrototype, "selectURL", 2, selectUrlSteps(workletName));
  exposeInterface(workletName, workletInterface, workletPrototype);
};
