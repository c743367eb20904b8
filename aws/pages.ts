/** Every page of a list, the token of each asking for the next. An empty page may come before others. */
export async function* allPages<Page extends { readonly NextToken?: string | undefined }>(
  read: (token: string | undefined) => Promise<Page>,
): AsyncIterable<Page> {
  let token: string | undefined;
  do {
    const page = await read(token);
    yield page;
    token = page.NextToken;
  } while (token !== undefined && token !== '');
}
