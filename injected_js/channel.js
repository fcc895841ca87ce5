// The way to the host and back. The host's function is taken off the global object before any script of the page runs;
// the way back is `resolve`, which only the host can name.

/** @type {unknown} */
const hostFunction = global[/** @type {any} */ (config.binding)];
deleteProperty(global, config.binding);

/**
 * A call that awaits its answer.
 *
 * @typedef {object} Pending
 * @property {(result: any) => any} answer
 * @property {string} context
 * @property {(value: any) => void} resolve
 * @property {(reason: any) => void} reject
 */

/** @type {Record<number, Pending>} */
const pending = createObject(null);
let lastId = 0;

/** @param {object} message */
const post = (message) => /** @type {(text: string) => void} */ (hostFunction)(toJson(bare(message)));

/**
 * Sends a call; `id` is 0 where no answer is awaited.
 *
 * @param {number} id
 * @param {string} api
 * @param {string} method
 * @param {object} options
 */
const send = (id, api, method, options) => post({ id, api, method, options });

/** How much of a message the host is told, in UTF-16 code units: pages choose what it quotes. */
const longestMessage = 500;

/**
 * Tells the host of a call that was refused before it could be sent.
 *
 * @param {string} api
 * @param {string} method
 * @param {string} name
 * @param {string} message
 */
const sendRefusal = (api, method, name, message) => {
  try {
    post({ id: 0, api, method, refused: bare({ name, message: slice(message, 0, longestMessage) }) });
  } catch {
    // With the stack used up, say. The page gets the exception that is on its way to it, and no other.
  }
};

/**
 * Sends a call and promises what `answer` makes of the host's answer.
 *
 * @param {string} api
 * @param {string} method
 * @param {object} options
 * @param {(result: any) => any} answer
 * @param {string} context what precedes the message of an exception
 * @returns {Promise<any>}
 */
const ask = (api, method, options, answer, context) =>
  new PromiseConstructor((resolve, reject) => {
    const id = ++lastId;
    pending[id] = bare({ answer, context, resolve, reject });
    send(id, api, method, options);
  });

/**
 * Settles the promise of call `id` with the host's answer. Under 0 the host speaks unasked.
 *
 * @param {number} id
 * @param {string} json `{"report": base64}`, `{"error": {name, message, dom}}` or `{}`
 */
const settle = (id, json) => {
  if (id === 0) return hear(bare(parseJson(json)));
  const { answer, context, resolve, reject } = pending[id];
  delete pending[id];
  const result = bare(parseJson(json));
  if (result.error === undefined) resolve(answer(result));
  else {
    const { message, name, dom } = bare(result.error);
    reject(exceptionOf(new Failure(message, name, dom), context, neverOnStack));
  }
};

/**
 * @param {string} base64
 * @returns {Uint8Array}
 */
const bytesOf = (base64) => {
  const text = decodeBase64(base64);
  const bytes = new Uint8ArrayConstructor(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = charCodeAt(text, i);
  return bytes;
};

/** A Window outlives its first document, so the document is asked for each time; a page cannot redefine it. */
const isActive = () => windowOf(global.document) !== null;

/**
 * The state of a platform object of this realm.
 *
 * @param {string} interfaceName
 * @param {string} api what the host calls the interface; "" where it has no part in the calls
 * @param {any} services
 * @returns {State}
 */
const newState = (interfaceName, api, services) =>
  bare({
    interface: interfaceName,
    services,
    isActive,
    /** @type {State["ask"]} */
    ask: (method, options, answer, context) => ask(api, method, options, answer, context),
    /** @type {State["tell"]} */
    tell: (method, options) => send(0, api, method, options),
    /** @type {State["tellRefusal"]} */
    tellRefusal: (method, name, message) => {
      if (api !== "") sendRefusal(api, method, name, message);
    },
  });
