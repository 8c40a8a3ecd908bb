/** Unpacks and compiles the engine that the package carries; each call compiles anew. */
export declare function engineModule(): Promise<WebAssembly.Module>;
