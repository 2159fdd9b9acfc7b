/**
 * A browser on Linux that was started in the POSIX locale calls its language `en-US@posix`. `Intl` refuses that name, and uPlot hands it
 * to `Intl` when it is loaded: imported before uPlot, this leaves the part that counts.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  const value = navigator.language.split('@')[0];
  Object.defineProperty(navigator, 'language', { value, configurable: true });
}
