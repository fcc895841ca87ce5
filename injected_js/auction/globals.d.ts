/** What agent/browser/worklet_script.py puts before the scripts. */
declare const config: {
  /** Name of the host's function on the global object. */
  binding: string;
};

/** Of Shared Storage's worklets; no script of an auction asks anything. */
declare const askHost: (method: string, args: object, answered: (result: any) => void) => void;
