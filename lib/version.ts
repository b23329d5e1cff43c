/** Of this package; `spec/version.spec.ts` holds it against package.json. */
export const VERSION = '0.1.0';
