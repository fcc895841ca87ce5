// The two interfaces that the pages look for; an ordinary browser has neither.

interface Attribution {
  readonly aggregationServices: ReadonlyMap<string, { protocol: string }>;
  saveImpression(options: {
    histogramIndex: number;
    matchValue?: number;
    conversionSites?: string[];
  }): Promise<object>;
  measureConversion(options: {
    aggregationService: string;
    histogramSize: number;
    epsilon?: number;
    value?: number;
    maxValue?: number;
  }): Promise<{ report: Uint8Array<ArrayBuffer> }>;
}

interface PrivateAttribution {
  readonly aggregationServices: readonly { name: string; apiVersion: string }[];
  saveImpression(options: { histogramIndex: number; ad: string; conversionSite: string }): void;
  measureConversion(options: {
    aggregator: string;
    histogramSize: number;
    epsilon?: number;
    value?: number;
    ads?: string[];
  }): Promise<Uint8Array<ArrayBuffer>>;
}

interface Navigator {
  readonly attribution?: Attribution;
  readonly privateAttribution?: PrivateAttribution;
}

// Shared Storage as the pages use it.
interface SharedStorageOptions {
  data?: object;
  keepAlive?: boolean;
}

interface SharedStorage {
  append(key: string, value: string): Promise<void>;
  readonly worklet: { addModule(url: string): Promise<void> };
  run(name: string, options?: SharedStorageOptions): Promise<void>;
  selectURL(name: string, urls: { url: string }[], options?: SharedStorageOptions): Promise<string>;
}

interface Window {
  readonly sharedStorage?: SharedStorage;
}

// What a worklet's script finds there.
declare const sharedStorage: {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
};
interface Contribution {
  bucket: bigint;
  value: number;
}
declare const privateAggregation: {
  contributeToHistogram(contribution: Contribution): void;
  contributeToHistogramOnEvent(event: string, contribution: Contribution): void;
};
declare function register(name: string, operation: new () => { run(...args: any[]): Promise<unknown> }): void;

// Protected Audience as auction.test uses it.
interface Navigator {
  joinAdInterestGroup(group: {
    owner: string;
    name: string;
    lifetimeMs: number;
    biddingLogicURL: string;
    ads: { renderURL: string }[];
  }): Promise<void>;
  runAdAuction(auction: {
    seller: string;
    decisionLogicURL: string;
    interestGroupBuyers: string[];
    sellerTimeout: number;
    perBuyerTimeouts: Record<string, number>;
  }): Promise<string | null>;
}
