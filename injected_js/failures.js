// Exceptions in Chromium's wording, without a frame of these scripts in their stacks.

/** An exception of ours on its way to the page; what page code throws passes through untouched. */
class Failure {
  #ours = true;
  // Fields, not assignments: these would meet what a page puts on Object.prototype.
  message = "";
  name = "";
  isDOMException = false;
  /** Whether the message stands without the "Failed to execute ...: " before it. */
  standsAlone = false;

  /**
   * @param {string} message
   * @param {string} [name] `TypeError`, `RangeError`, `ReferenceError`, `SyntaxError` or the name of a DOMException
   * @param {boolean} [isDOMException]
   */
  constructor(message, name = "TypeError", isDOMException = false) {
    this.message = message;
    this.name = name;
    this.isDOMException = isDOMException;
  }

  /**
   * @param {unknown} value
   * @returns {value is Failure}
   */
  static is(value) {
    return isObject(value) && #ours in value;
  }
}

/**
 * Throws a TypeError with `message`.
 *
 * @param {string} message
 * @returns {never}
 */
const fail = (message) => {
  throw new Failure(message);
};

/**
 * Throws a DOMException with `message`.
 *
 * @param {string} name
 * @param {string} message
 * @returns {never}
 */
const failWith = (name, message) => {
  throw new Failure(message, name, true);
};

/**
 * Throws an exception whose message is all of `message`.
 *
 * @param {string} name
 * @param {string} message
 * @param {boolean} [isDOMException]
 * @returns {never}
 */
const failAlone = (name, message, isDOMException = true) => {
  const failure = new Failure(message, name, isDOMException);
  failure.standsAlone = true;
  throw failure;
};

/** On no stack: with it as the limit `captureStackTrace` keeps no frame at all. */
const neverOnStack = () => undefined;

/**
 * The exception that the page sees.
 *
 * @param {Failure} failure
 * @param {string} context "Failed to execute ...: ", or nothing
 * @param {Function} caller the function the page called: its frame and those inside it are left out of the stack
 */
const exceptionOf = (failure, context, caller) => {
  const message = failure.standsAlone ? failure.message : context + failure.message;
  let exception;
  if (failure.isDOMException) exception = new DOMExceptionConstructor(message, failure.name);
  else if (failure.name === "RangeError") exception = new RangeErrorConstructor(message);
  else if (failure.name === "ReferenceError") exception = new ReferenceErrorConstructor(message);
  else if (failure.name === "SyntaxError") exception = new SyntaxErrorConstructor(message);
  else exception = new TypeErrorConstructor(message);
  captureStackTrace(exception, caller);
  return exception;
};
