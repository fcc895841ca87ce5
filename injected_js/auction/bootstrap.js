// The way to the host, who runs one function of an auction's script and asks afterwards what it did.

/** @type {unknown} */
const hostFunction = global[/** @type {any} */ (config.binding)];
deleteProperty(global, config.binding);

const { Error: ErrorConstructor } = global;
const now = bind(performance.now, performance);

/** @type {(method: string, args: object) => void} */
const tellHost = (method) => /** @type {(text: string) => void} */ (hostFunction)(method);

/** When the code began that runs or ran last; 0 once its time has been counted. */
let began = 0;

/** Counts the time of the code that ran last, which may have been stopped. */
const spend = () => {
  if (began !== 0) record.duration += now() - began;
  began = 0;
  return record.duration;
};

/**
 * What the host calls.
 *
 * @param {"begin" | "spent" | "call" | "result"} what
 * @param {string} [name] of the function
 * @param {string} [json] its arguments
 * @param {Allowed} [allowed]
 */
const hear = (what, name = "", json = "", allowed = undefined) => {
  if (what === "begin") began = now();
  else if (what === "spent") return spend();
  else if (what === "result") return spend(), toJson(record);
  else {
    began = now();
    try {
      callFunction(name, json, /** @type {Allowed} */ (allowed));
    } finally {
      spend();
      // Or it would run once more, without end perhaps, when the browser reads the stack of what was thrown.
      deleteProperty(ErrorConstructor, "prepareStackTrace");
    }
  }
};

// Nothing that these scripts log reaches a page.

for (const [name, native] of ObjectConstructor.entries(console)) {
  if (typeof native === "function") replaceMethod(console, name, () => () => undefined);
}
