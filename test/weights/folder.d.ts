/** Where build.sh puts the models: outside of what git knows; tests on them skip when they are not there. */
export declare const MODELS: string
