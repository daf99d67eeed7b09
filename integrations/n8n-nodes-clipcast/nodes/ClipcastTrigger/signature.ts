import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/**
 * Return whether a request is signed with this secret, and was sent in the last 5 minutes.
 *
 * https://www.standardwebhooks.com describes the signature.
 */
export function isSigned(secret: string, headers: Record<string, unknown>, body: Buffer, now: number): boolean {
	const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
	// Also false for a timestamp that is no number.
	if (!(Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) {
		return false;
	}
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
	return String(signatures)
		.split(' ')
		.filter((signature) => signature.startsWith('v1,'))
		.map((signature) => Buffer.from(signature.slice(3), 'base64'))
		.some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
}
