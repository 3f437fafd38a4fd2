/**
 * Address of a worker's compiled module. Tests import the TypeScript sources, and a worker thread on Node 20
 * cannot load those, so a caller under `src/` is answered with the built twin under `dist/`.
 *
 * @param from the caller's `import.meta.url`
 * @param path the worker, relative to the caller, ending in `.js`
 */
export function workerUrl(from: string, path: string): URL {
  return new URL(path, from.endsWith('.ts') ? from.replace('/src/lib/', '/dist/lib/') : from)
}
