// The way between a worklet's code and the host, and which operation's code is running.
//
// Nothing in the language tells to which call of an operation a continuation belongs. But a continuation runs either in
// the macrotask that settled its promise, or in that of the code that it awaits. So the host answers one call in each
// macrotask, and `current` is set before the promise is resolved. Functions whose promises the browser settles on its
// own are wrapped, so that these too continue in a macrotask of ours. Between such macrotasks there is no operation.

/**
 * A call of one of the script's operations.
 *
 * @typedef {object} OperationRecord
 * @property {number} id
 * @property {string} name
 * @property {string | null} data the encoded structured clone; null where the call had none
 * @property {string[] | null} urls of selectURL
 * @property {number} filteringIdMaxBytes
 * @property {number | null} maxContributions
 * @property {boolean} privateAggregationAllowed
 * @property {boolean} ended
 */

/** @type {unknown} */
const hostFunction = global[/** @type {any} */ (config.binding)];
deleteProperty(global, config.binding);

/** @type {OperationRecord | undefined} */
let current;
let moduleRan = false;

/** The operation whose code is running, ended or not; none outside of any. */
const currentOperation = () => current;

/** Whether the module script has been evaluated, to its end or not. */
const moduleHasRun = () => moduleRan;

// Macrotasks: a message to ourselves is the one way of making them that needs no timer and no clamp.

/** @typedef {{ operation: OperationRecord | undefined, steps: () => void, next: Task | undefined }} Task */

const { port1: inbox, port2: outbox } = new MessageChannel();
const sendTo = uncurryThis(MessagePort.prototype.postMessage);
/** @type {Task | undefined} */
let firstTask;
/** @type {Task | undefined} */
let lastTask;

/**
 * Runs `steps` in a macrotask of its own.
 *
 * @param {OperationRecord | undefined} operation
 * @param {() => void} steps
 */
const inOperation = (operation, steps) => {
  const task = bare({ operation, steps, next: undefined });
  if (lastTask === undefined) firstTask = task;
  else lastTask.next = task;
  lastTask = task;
  sendTo(outbox, 0);
};

inbox.onmessage = () => {
  current = undefined;
  cost = waiting.length >> 9;
  logged = 0;
  const task = firstTask;
  if (task === undefined) return;
  firstTask = task.next;
  if (firstTask === undefined) {
    lastTask = undefined;
    // One message more: when it comes, the microtasks of this task are done, and its operation is no longer current.
    sendTo(outbox, 0);
  }
  current = task.operation;
  task.steps();
};

// Calls to the host and what it says.

/** @typedef {{ operation: OperationRecord | undefined, answered: (result: any) => void }} Pending */

/** @type {Record<number, Pending>} */
const pending = createObject(null);
let lastId = 0;

// A loop that talks must not keep the host from everything else. The first messages of a macrotask leave at once; those
// that follow leave together when the code pauses, and where they are too many the host is told to end the worklet.

/** Of messages in one macrotask: one for each, and one for each 512 UTF-16 code units. */
const COST_AT_ONCE = 500;
const COST_TOO_HIGH = 50000;
let cost = 0;
/** Messages that wait, as JSON. */
let waiting = "";

/** Those under way. @type {Record<number, OperationRecord>} */
const operations = createObject(null);

/**
 * @param {number} id 0 where no answer is awaited
 * @param {OperationRecord | undefined} operation
 * @param {string} method
 * @param {object} args bare, deeply
 */
const post = (id, operation, method, args) => {
  const text = toJson(bare({ id, operation: operation === undefined ? 0 : operation.id, method, args }));
  cost += 1 + (text.length >> 9);
  if (waiting !== "") waiting += "," + text;
  else if (cost <= COST_AT_ONCE) send(text);
  else {
    waiting = text;
    inOperation(undefined, sendWaiting);
  }
  if (cost > COST_TOO_HIGH) send('{"id":0,"operation":0,"method":"flooded","args":{}}');
};

const send = /** @type {(text: string) => void} */ (hostFunction);

const sendWaiting = () => {
  const texts = waiting;
  waiting = "";
  send(`[${texts}]`);
};

/**
 * Tells the host something under the current operation.
 *
 * @param {string} method
 * @param {object} args bare, deeply
 */
const tellHost = (method, args) => post(0, current, method, args);

/**
 * Asks the host under the current operation. `answered` gets the bare result in a macrotask of that operation.
 *
 * @param {string} method
 * @param {object} args bare, deeply
 * @param {(result: any) => void} answered
 */
const askHost = (method, args, answered) => {
  const id = ++lastId;
  pending[id] = bare({ operation: current, answered });
  post(id, current, method, args);
};

/**
 * @param {number} id
 * @param {string} json
 */
const settle = (id, json) => {
  const { operation, answered } = pending[id];
  delete pending[id];
  const result = bare(parseJson(json));
  inOperation(operation, () => answered(result));
};

/** @param {string} json */
const call = (json) => {
  /** @type {OperationRecord} */
  const operation = bare(parseJson(json));
  if (operation.urls !== null) bare(operation.urls);
  operations[operation.id] = operation;
  inOperation(operation, () =>
    invokeOperation(operation, (result) => {
      if (operation.ended) return;
      operation.ended = true;
      delete operations[operation.id];
      post(0, operation, "finished", bare(result));
    }),
  );
};

/**
 * What the host calls. Code of the worklet runs in macrotasks of ours that follow: Chromium stops no code by force that
 * runs while the worker answers DevTools.
 *
 * @param {"answer" | "call" | "moduleRan" | "failureText" | "lockBroken"} what
 * @param {any} value the answered call's id; the operation as JSON; an exception; a lock
 * @param {any} [more] the answer as JSON; the operation that asked for the lock
 */
const hear = (what, value, more) => {
  if (what === "answer") return settle(value, more);
  if (what === "call") return call(value);
  if (what === "failureText") return failureText(value);
  if (what === "lockBroken") return inOperation(operations[more], () => lockBroken(value));
  moduleRan = true;
};

// Natively asynchronous functions.

/**
 * A promise for what `native` settles with, settled in a macrotask of the operation that is current now.
 *
 * @param {Promise<any>} native
 */
const inOwnTask = (native) => {
  const operation = current;
  // Else `then` would look for the constructor where the script can put its own.
  defineProperty(native, "constructor", bare({ value: undefined }));
  return new PromiseConstructor((resolve, reject) => {
    thenOf(
      native,
      (/** @type {any} */ value) => inOperation(operation, () => resolve(value)),
      (/** @type {any} */ reason) => inOperation(operation, () => reject(reason)),
    );
  });
};

/** @type {(holder: object, name: PropertyKey) => void} */
const wrapAsynchronous = (holder, name) =>
  replaceMethod(holder, name, (native) => (receiver, args) => inOwnTask(apply(native, receiver, args)));

for (const name of ObjectConstructor.keys(SubtleCrypto.prototype)) wrapAsynchronous(SubtleCrypto.prototype, name);
wrapAsynchronous(WebAssembly, "compile");
wrapAsynchronous(WebAssembly, "instantiate");
replaceMethod(Atomics, "waitAsync", (native) => (receiver, args) => {
  const result = apply(native, receiver, args);
  if (result.async) result.value = inOwnTask(result.value);
  return result;
});

// The console stays the browser's, which tells the host of every call, one by one, and of what it is given whole; so a loop
// is cut short, and so is what can be long.

const LOGGED_AT_ONCE = 200;
/** UTF-16 code units of one argument. */
const LONGEST_LOGGED = 10000;
const { isError } = /** @type {any} */ (Error);
const { asIntN } = BigInt;
const symbolToString = uncurryThis(Symbol.prototype.toString);
let logged = 0;

/** @type {(text: string, value: any) => any} */
const unlessLong = (text, value) => (text.length > LONGEST_LOGGED ? slice(text, 0, LONGEST_LOGGED) : value);

/** What the console is to show of a value. @type {(value: any) => any} */
const logValue = (value) => {
  if (typeof value === "string") return unlessLong(value, value);
  if (typeof value === "symbol") return unlessLong(symbolToString(value), value);
  if (typeof value === "function") return unlessLong(showFunction(showFunction, value), value);
  if (typeof value === "bigint") return asIntN(LONGEST_LOGGED, value) === value ? value : "BigInt";
  return isError(value) ? failureText(value) : value;
};

/** @type {(native: Function) => (receiver: any, args: ArrayLike<any>) => any} */
const cutShort = (native) => (receiver, args) => {
  if (++logged > LOGGED_AT_ONCE) return undefined;
  const shown = new ArrayConstructor(args.length);
  for (let i = 0; i < args.length; i++) defineOwn(shown, i, logValue(args[i]));
  const result = apply(native, receiver, shown);
  if (isObject(result)) cutMethodsShort(result);
  return result;
};

/** @param {any} holder the console, or what it makes: another context, a task */
const cutMethodsShort = (holder) => {
  const names = ObjectConstructor.keys(holder);
  for (let i = 0; i < names.length; i++) {
    if (typeof getOwnPropertyDescriptor(holder, names[i])?.value === "function") replaceMethod(holder, names[i], cutShort);
  }
};

cutMethodsShort(console);
