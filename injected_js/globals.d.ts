/** What agent/browser/page_script.py puts before the scripts. */
declare const config: {
  /** Name of the host's function on the global object. */
  binding: string;
  /** Event type by which realms of one browser know each other. */
  realmEvent: string;
  services: { name: string; url: string; apiVersion: string; protocol: string }[];
  dialects: { current: boolean; level1_2024: boolean };
  /** Whether localhost counts as a site. */
  allowLocalhost: boolean;
  /** Whether requests may register for Attribution Reporting. */
  attributionReporting: boolean;
  sharedStorage: {
    /** Whether calls wait for the host, who may refuse. */
    asks: boolean;
    maxStringLength: number;
    maxUrls: number;
    maxUrns: number;
    /** Whether createWorklet takes an origin as `dataOrigin`. */
    customDataOrigin: boolean;
    /** Origins that a privateAggregationConfig may name. */
    coordinators: string[];
  };
  /** Names the parameter in Accept that marks requests for the front. */
  acceptParameter: string;
};

/** The rules of the Public Suffix List with more than one label; see sites.js. */
declare const publicSuffixRules: string;
