// A program that uses the generated TypeScript client: it uploads a clip, posts it, and reads the post.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

import { completeUpload, createPost, createRender, getPost, startUpload } from './client_ts';
import { client } from './client_ts/client.gen';

async function main(base: string, key: string, connectionId: string, file: string): Promise<void> {
  client.setConfig({ baseUrl: base, auth: key, throwOnError: true });
  const content = readFileSync(file);
  const name = basename(file);
  const upload = await startUpload<true>({ body: { file_name: name, file_size: content.length } });
  await fetch(upload.data.upload_url, { method: 'PUT', body: content });
  const video = await completeUpload<true>({ body: { video_id: upload.data.video_id, file_name: name } });
  const render = await createRender<true>({ body: { video_id: video.data.video_id } });
  const created = await createPost<true>({
    headers: { 'Idempotency-Key': 'first-light' },
    body: {
      videos: [
        {
          editId: render.data.edit_setting_id,
          targets: [{ connectionId, metadata: { bluesky: { text: 'First light', langs: ['en'] } } }],
        },
      ],
    },
  });
  const post = await getPost<true>({ path: { post_id: created.data.post_id } });
  const [item] = post.data.items;
  if (item === undefined) throw new Error('The post has no item.');
  console.log(JSON.stringify({ post: post.data.post_id, account: item.account.username, text: item.metadata }));
}

const [base = '', key = '', connectionId = '', file = ''] = process.argv.slice(2);
void main(base, key, connectionId, file);
