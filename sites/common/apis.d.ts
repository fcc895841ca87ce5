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
