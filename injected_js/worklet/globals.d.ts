/** What agent/browser/worklet_script.py puts before the scripts. */
declare const config: {
  /** Name of the host's function on the global object. */
  binding: string;
  options: {
    /** Whether `privateAggregation` has `contributeToHistogramOnEvent`. */
    errorReporting?: boolean;
    /** How many UTF-16 code units a key or a value may have. */
    maxStringLength?: number;
    /** What `sharedStorage.context` is. */
    context?: string | null;
  };
};
