/**
 * Whether a model that a price list names is the model of a profile. Equal, but for what Bedrock's ids may leave out or
 * add without being another model: `-v1` stands for no version, and a dated snapshot (`-20250929`) is the model of that
 * name where the list names no date. The variant of a context size (`:0:200k`) is the same model. Everything else is
 * another model: a newer one must not get an older one's price.
 */
export function isSameModel(listed: string, modelId: string): boolean {
  const [a, b] = [partsOf(listed), partsOf(modelId)];
  return (
    a.name === b.name &&
    a.version === b.version &&
    (a.date === undefined || a.date === b.date) &&
    (a.revision === undefined || b.revision === undefined || a.revision === b.revision)
  );
}

const MODEL_ID = /^(?<name>.+?)(?:-(?<date>\d{8}))?(?:-v(?<version>\d+))?(?::(?<revision>\d+)(?::(?:\d+k|mm))?)?$/;

function partsOf(id: string): {
  name: string;
  version: string;
  date: string | undefined;
  revision: string | undefined;
} {
  const { name = id, date, version = '1', revision } = MODEL_ID.exec(id)?.groups ?? {};
  return { name, version, date, revision };
}
