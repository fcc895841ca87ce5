// Last: what this document gets to see. Without a secure context, nothing.

if (inSecureContext) {
  if (config.dialects.current) exposeAttribution();
  if (config.dialects.level1_2024) exposePrivateAttribution();
  openToOtherRealms();
}
