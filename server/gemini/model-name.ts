const tunedPrefix = 'tunedModels/';

/** Whether an id is that of a model that somebody tuned: Google has a collection of its own for these. */
export function isTunedModel(id: string): boolean {
  return id.startsWith(tunedPrefix);
}

/** The name that a model has in Google's bodies, such as `models/gemini-3.8-flash`. */
export function modelName(id: string): string {
  return isTunedModel(id) ? id : `models/${id}`;
}

/** The name as it stands in a path: each piece is one segment. */
export function modelPath(id: string): string {
  return modelName(id).split('/').map(encodeURIComponent).join('/');
}
