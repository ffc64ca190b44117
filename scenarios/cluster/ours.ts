/** Which files are the harness's own: where a script's line is looked for, they are passed by. */

/** Where the layers stand, in a checkout and in the package. */
export const ROOT = new URL('../..', import.meta.url).pathname
const OURS = /^(sim|system|platform|reports|scenarios\/(?!stories|regressions))\b/

/** Files of the package that are not stories. A user's folders may be called as ours are. */
export const isOurs = (file: string): boolean => file.startsWith(ROOT) && OURS.test(file.slice(ROOT.length))
