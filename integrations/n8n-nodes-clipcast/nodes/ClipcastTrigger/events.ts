import type { INodePropertyOptions } from 'n8n-workflow';

/** The types of events, as the API's document lists them. */
export const events: INodePropertyOptions[] = [
	{ name: 'Connection Connected', value: 'connection.connected', description: 'An account was connected, or connected again' },
	{ name: 'Connection Needs Reconnect', value: 'connection.needs_reconnect', description: 'An account must be connected again; Items that come due wait' },
	{ name: 'Connection Removed', value: 'connection.removed', description: 'An account was removed from the workspace' },
	{ name: 'Item Failed', value: 'item.failed', description: 'An item ended without a video' },
	{ name: 'Item Needs Action', value: 'item.needs_action', description: 'An item waits for a person: its account, its outcome or its missed time' },
	{ name: 'Item Published', value: 'item.published', description: "An item's video is live, or delivered as a draft" },
	{ name: 'Job Dead', value: 'job.dead', description: 'A job ended three workers; It runs again when a person retries it' },
	{ name: 'Post Completed', value: 'post.completed', description: 'All items of a post ended, and all are published' },
	{ name: 'Post Deleted', value: 'post.deleted', description: "Clipcast's record of a post was deleted" },
	{ name: 'Post Failed', value: 'post.failed', description: 'All items of a post ended, and none is published' },
	{ name: 'Post Partial', value: 'post.partial', description: 'All items of a post ended: some published, some failed' },
	{ name: 'Post Scheduled', value: 'post.scheduled', description: 'A post was created with a time, or moved to another time' },
	{ name: 'Post Updated', value: 'post.updated', description: 'The time, the items or the metadata of a post changed' },
	{ name: 'Quota Exhausted', value: 'quota.exhausted', description: 'A quota of an account is used up, and an item waits for it' },
	{ name: 'Render Completed', value: 'render.completed', description: 'The file of a render exists' },
	{ name: 'Render Failed', value: 'render.failed', description: 'A render has no file' },
	{ name: 'Review Approved', value: 'review.approved', description: 'A post was approved' },
	{ name: 'Review Changes Requested', value: 'review.changes_requested', description: 'A reviewer asked for changes of a post' },
	{ name: 'Review Commented', value: 'review.commented', description: 'Somebody commented on a post in review' },
	{ name: 'Review Expired', value: 'review.expired', description: 'The time of a post passed before its approval; It is not sent' },
	{ name: 'Review Expiring', value: 'review.expiring', description: 'The time of a post comes within an hour, and it is not approved' },
	{ name: 'Review Requested', value: 'review.requested', description: 'A post was sent for review, or changed after a decision about it' },
	{ name: 'Webhook Disabled', value: 'webhook.disabled', description: 'Clipcast sends nothing to a webhook any more' },
	{ name: 'Webhook Failing', value: 'webhook.failing', description: 'A webhook has failed for 4 days; It is disabled after 5' },
];
