import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type Declaration as Declared, type ModuleItem, parse } from '@swc/core';
import { packageName } from './imports.ts';

/** A declaration at the top of a module: its text with its comment, and the names that it mentions. */
interface Declaration {
  readonly text: string;
  readonly mentions: ReadonlySet<string>;
}

/** Where a module has a name from: a package, or another module of the project. */
interface Origin {
  /** Name of a package, or path of a module from the root. */
  readonly from: string;
  readonly isOfProject: boolean;
  readonly name: string;
}

interface Module {
  readonly declarations: ReadonlyMap<string, Declaration>;
  readonly imports: ReadonlyMap<string, Origin>;
  readonly reExports: ReadonlyMap<string, Origin>;
}

export interface RolledUp {
  /** One declaration file: what `entry` exports, and what that mentions. */
  readonly text: string;
  /** Modules that it imports, such as `@aws-sdk/client-bedrock-runtime`. */
  readonly packages: readonly string[];
}

/**
 * Puts the declarations that an entry point exports into one file, with those that they mention and no others, so that
 * nothing of the project's inside is published.
 *
 * @param folder declarations as the compiler wrote them, one file for each module
 * @param entry module in it, without its ending, such as `invoke/index`
 * @param mayBeMissing whether a package need not be there: types of it are `any` then, and no mistake of the program that is checked
 * @throws an Error naming what it does not understand, or a name that two modules declare
 */
export async function rollUp(
  folder: string,
  entry: string,
  mayBeMissing: (name: string) => boolean = () => false,
): Promise<RolledUp> {
  const modules = new Map<string, Module>();
  const load = async (path: string): Promise<Module> => {
    const known = modules.get(path);
    if (known !== undefined) return known;
    const module = await readModule(join(folder, `${path}.d.ts`), path);
    modules.set(path, module);
    return module;
  };

  const exported = new Set<string>();
  const written = new Map<string, { readonly module: string; readonly text: string }>();
  const imported = new Map<string, Set<string>>();
  const take = async (path: string, name: string): Promise<void> => {
    const module = await load(path);
    const declaration = module.declarations.get(name);
    if (declaration === undefined)
      return await takeFrom(module.reExports.get(name) ?? module.imports.get(name), name, path);
    const before = written.get(name);
    if (before?.module === path) return;
    if (before !== undefined)
      throw new Error(
        `The public types mention two declarations of ${name}, in ${before.module} and ${path}: rename one.`,
      );
    written.set(name, { module: path, text: declaration.text });
    for (const mention of declaration.mentions)
      if (mention !== name && (module.declarations.has(mention) || module.imports.has(mention)))
        await take(path, mention);
  };
  const takeFrom = async (origin: Origin | undefined, name: string, path: string): Promise<void> => {
    if (origin === undefined) throw new Error(`${path} does not declare ${name}.`);
    if (origin.isOfProject) {
      if (origin.name !== name)
        throw new Error(`${path} renames ${origin.name} to ${name}: use one name for a public type.`);
      return await take(origin.from, name);
    }
    const names = imported.get(origin.from) ?? new Set();
    imported.set(origin.from, names.add(origin.name === name ? name : `${origin.name} as ${name}`));
  };

  const { declarations, reExports } = await load(entry);
  for (const name of [...reExports.keys(), ...declarations.keys()]) {
    exported.add(name);
    await take(entry, name);
  }
  const imports = [...imported].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    ...imports.flatMap(([from, names]) => {
      const statements = importOf(from, [...names].sort());
      return mayBeMissing(packageName(from))
        ? statements.flatMap((statement) => ['// @ts-ignore: an optional package', statement])
        : statements;
    }),
    ...[...written].map(([name, { text }]) => withExport(text, exported.has(name))),
    // Without an export of its own, a declaration file exports everything.
    'export {};',
  ];
  return { text: `${lines.join('\n')}\n`, packages: imports.map(([from]) => from) };
}

function importOf(from: string, names: readonly string[]): string[] {
  const named = names.filter((name) => !name.startsWith('* as '));
  const whole = names.filter((name) => name.startsWith('* as ')).map((name) => `import type ${name} from '${from}';`);
  return named.length === 0 ? whole : [...whole, `import type { ${named.join(', ')} } from '${from}';`];
}

/** What stands between the comment of a declaration and the declaration. */
const EXPORT = /^((?:\/\*[\s\S]*?\*\/\s*|\/\/.*\n\s*)*)export /;

const withExport = (text: string, isPublic: boolean): string =>
  isPublic ? text : text.replace(EXPORT, (_, comment: string) => comment);

async function readModule(file: string, path: string): Promise<Module> {
  // An empty statement in front: positions count from somewhere, and this says from where.
  const source = Buffer.from(`;${await readFile(file, 'utf8')}`);
  const { body } = await parse(source.toString(), { syntax: 'typescript' });
  const base = body[0]?.span.start ?? 0;
  const declarations = new Map<string, Declaration>();
  const imports = new Map<string, Origin>();
  const reExports = new Map<string, Origin>();
  const origin = (from: string, name: string): Origin => ({
    from: from.startsWith('.') ? posix.join(posix.dirname(path), from).replace(/\.ts$/, '') : from,
    isOfProject: from.startsWith('.'),
    name,
  });
  let end = base + 1;
  for (const item of body.slice(1)) {
    const text = source
      .subarray(end - base, item.span.end - base)
      .toString()
      .trim();
    end = item.span.end;
    if (item.type === 'ImportDeclaration') {
      for (const specifier of item.specifiers) {
        const local = specifier.local.value;
        if (specifier.type === 'ImportDefaultSpecifier') throw notUnderstood(path, text);
        const name = specifier.type === 'ImportSpecifier' ? (specifier.imported?.value ?? local) : '*';
        imports.set(local, origin(item.source.value, name));
      }
    } else if (item.type === 'ExportNamedDeclaration') {
      for (const specifier of item.specifiers) {
        if (specifier.type !== 'ExportSpecifier' || !item.source) throw notUnderstood(path, text);
        const name = specifier.exported?.value ?? specifier.orig.value;
        reExports.set(name, origin(item.source.value, specifier.orig.value));
      }
    } else {
      const mentions = mentionsIn(item);
      const names = namesOf(item.type === 'ExportDeclaration' ? item.declaration : item);
      // `import('…')` in a type: say `import type` in the source instead.
      if (names.length === 0 || mentions === undefined) throw notUnderstood(path, text);
      for (const name of names) {
        const overloaded = declarations.get(name);
        declarations.set(name, {
          text: overloaded === undefined ? text : `${overloaded.text}\n${text}`,
          mentions: new Set([...(overloaded?.mentions ?? []), ...mentions]),
        });
      }
    }
  }
  return { declarations, imports, reExports };
}

function namesOf(item: ModuleItem | Declared): string[] {
  if (item.type === 'VariableDeclaration')
    return item.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.value] : []));
  if (item.type === 'FunctionDeclaration' || item.type === 'ClassDeclaration') return [item.identifier.value];
  if (item.type === 'TsInterfaceDeclaration' || item.type === 'TsTypeAliasDeclaration') return [item.id.value];
  return [];
}

/** Every name in a piece of syntax but those of members, which are nobody's declarations. */
function mentionsIn(item: ModuleItem): ReadonlySet<string> | undefined {
  const mentions = new Set<string>();
  const waiting: unknown[] = [item];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (typeof node !== 'object' || node === null) continue;
    const { type, value, key, computed, ...rest } = node as Readonly<Record<string, unknown>>;
    if (type === 'TsImportType') return undefined;
    if (type === 'Identifier' && typeof value === 'string') mentions.add(value);
    // A class says that a member's name is computed by the kind of its key.
    if (computed === true || (key as { type?: unknown } | undefined)?.type === 'Computed') waiting.push(key);
    waiting.push(value, ...Object.values(rest));
  }
  return mentions;
}

const notUnderstood = (path: string, text: string): Error =>
  new Error(`The declarations of ${path} cannot be published; not understood: ${text.slice(0, 200)}`);
