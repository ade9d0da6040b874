/** Bounds of what the server package itself holds for peers; those of each protocol stand in its own package. */

/** Bytes that a WebSocket message with MQTT packets may have beyond the largest packet: several packets may share one. */
export const webSocketMessageSlack = 64 * 1024;

/** Bytes a WebSocket peer has not read, beyond which its pings are not answered. */
export const pongBacklogMax = 64 * 1024;

/** How long a WebSocket peer may take to answer a close frame that refuses it, in milliseconds. */
export const webSocketCloseTimeoutMs = 2000;
