// Imports a library from this folder's node_modules, which is only there once the bench has installed it.
export const load = (name) => import(name);
