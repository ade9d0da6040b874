/** "MQTT messages whose topic matches this filter are appended to that log." Without rules a log captures its own name. */
export interface CaptureRule {
  readonly log: string;
  readonly filter: string;
}
