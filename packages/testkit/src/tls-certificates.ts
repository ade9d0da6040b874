/**
 * Certificates for tests of TLS, valid for a hundred years and for 127.0.0.1 and localhost, all but one signed by one authority whose
 * key was thrown away. Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500` and,
 * for the others, `openssl x509 -req` with `subjectAltName=DNS:localhost,IP:127.0.0.1`. They protect nothing.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Writes the authority, and a server's certificate and key, into a directory; gives the server's flags for them. */
export function writeTlsFiles(directory: string, { cert, key }: TestCertificate): readonly string[] {
  const paths = {
    ca: join(directory, "ca.pem"),
    cert: join(directory, "server.pem"),
    key: join(directory, "server.key"),
  };
  writeFileSync(paths.ca, authorityCert);
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key);
  return [`--tls-ca=${paths.ca}`, `--tls-cert=${paths.cert}`, `--tls-key=${paths.key}`];
}

export const authorityCert = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUWTWVPc16NkJuwFmlxG7zuk9yysMwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWUG9seWxvZyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjExNjI0
MTRaGA8yMTI2MTAyODE2MjQxNFowITEfMB0GA1UEAwwWUG9seWxvZyB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKJohyAx2ou5QBNY89t0
YOQqh+cXXYLLkKtntuflL2cm/nb+eS4d2IiooBDk9WuhJMdcO9R6hnHNyznYmdg8
fY6jUzBRMB0GA1UdDgQWBBTNvUUiD5v3dkad3F61pKZ1tLYCxzAfBgNVHSMEGDAW
gBTNvUUiD5v3dkad3F61pKZ1tLYCxzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0gAMEUCIQD8LuWqc5k2yAulr1JVzPDQSdbGS45toLnC5tlbr+EbywIgcYa7
gPak6V9Ip4b4P5kEbxg7K7VIZ8WX2ezyjMQTWSc=
-----END CERTIFICATE-----`;

/** Common name localhost. */
export const serverCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBljCCAT2gAwIBAgIUCdepezKlPvQ6xFH2TSLuv5h2J6owCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWUG9seWxvZyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjExNjI0
MTRaGA8yMTI2MTAyODE2MjQxNFowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEk932WrSqLO1LtLQwgx6A1rmZkqiIyMY3XEk3
9BwbjzYwAh9Y2JNza37u77PWZWb0jExP1NFBw7WzhCVGto8GJaNeMFwwGgYDVR0R
BBMwEYIJbG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBQUgRQomrxcUVIQxviEe/IN
Fu6JCjAfBgNVHSMEGDAWgBTNvUUiD5v3dkad3F61pKZ1tLYCxzAKBggqhkjOPQQD
AgNHADBEAiBFMAd7Wyt2bwXzM21VAGNG5N7HR3DdNH+LzOmhRAIG9wIgNFV64sEo
Js36uhbOPqZpof2BEbox1mGahyTvMk4BuvA=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX/n4w6xYs/x8KYVi
jSGT5NjpjRwW2cJHxActPSY7xm2hRANCAAST3fZatKos7Uu0tDCDHoDWuZmSqIjI
xjdcSTf0HBuPNjACH1jYk3Nrfu7vs9ZlZvSMTE/U0UHDtbOEJUa2jwYl
-----END PRIVATE KEY-----`,
};

/** The same server, later: common name "localhost renewed". */
export const renewedCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBnjCCAUWgAwIBAgIUCdepezKlPvQ6xFH2TSLuv5h2J6swCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWUG9seWxvZyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjExNjI0
MTVaGA8yMTI2MTAyODE2MjQxNVowHDEaMBgGA1UEAwwRbG9jYWxob3N0IHJlbmV3
ZWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQNlZCr4m0xzPHHqR8mfOHLwy6t
qwn02peRhTGHu1nZhOL+F4FDQEfmLv5uYERuyv1fMyZd7MRQz9oF4a6p8oCPo14w
XDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFMceQcA4YNTS
S5opt+RcMx8Czv4YMB8GA1UdIwQYMBaAFM29RSIPm/d2Rp3cXrWkpnW0tgLHMAoG
CCqGSM49BAMCA0cAMEQCID/QAHui+2ea2Di7d92C82NH6KB2Ae05of8Y+lrzAqGS
AiB1BmWPr3XTEdoal8hYCtnE2wtY3/JGLpvuOrSu/Xt8dw==
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgi3JT8OJANYJiX6Ug
KXnv1LWTucWfn7ECO8ILTHf+hdWhRANCAAQNlZCr4m0xzPHHqR8mfOHLwy6tqwn0
2peRhTGHu1nZhOL+F4FDQEfmLv5uYERuyv1fMyZd7MRQz9oF4a6p8oCP
-----END PRIVATE KEY-----`,
};

/** A client: common name sensor-7. */
export const clientCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBljCCATygAwIBAgIUCdepezKlPvQ6xFH2TSLuv5h2J6wwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWUG9seWxvZyB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjExNjI0
MTVaGA8yMTI2MTAyODE2MjQxNVowEzERMA8GA1UEAwwIc2Vuc29yLTcwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATbXBbQB/5ukHdsFyFOl5vJMcJBjbW7KJ8znzhY
1Z8fV+kxHZo3iGbwNgLtHx+bTbuZm1sJj5AEBJatJQM6t/uoo14wXDAaBgNVHREE
EzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFPEN2ZjeB0fStnGdNaKvSCjp
qOdQMB8GA1UdIwQYMBaAFM29RSIPm/d2Rp3cXrWkpnW0tgLHMAoGCCqGSM49BAMC
A0gAMEUCIQD2ik9kJOR/+G1CMMpwEhg+NrgQeScODfrUNdLCdmfYNwIgXVp4ARzc
B+nUctEYBJBEyTdJ0+I/LsFHl3gho9oWFzo=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCIyN/xIf9cmk/ajP
PvqQKLaylOyo8tICNv0JufxxEgKhRANCAATbXBbQB/5ukHdsFyFOl5vJMcJBjbW7
KJ8znzhY1Z8fV+kxHZo3iGbwNgLtHx+bTbuZm1sJj5AEBJatJQM6t/uo
-----END PRIVATE KEY-----`,
};

/** A client that nobody vouches for: its certificate is signed by itself. */
export const strangerCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUTgPIPXVjER+JERBoOC11gXVPa1QwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTIxMTYyNzI2WhgPMjEyNjEwMjgx
NjI3MjZaMBMxETAPBgNVBAMMCHN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEEXLf9brcE7MMQspq3JHUObAsnbilz+QCEs4z4NMbPRyJa4VPGx3y6SWm
fdvRy2R8dNOlfiwPsWyXMXctiLEbmKNTMFEwHQYDVR0OBBYEFMOWBAio1GbQQ1xr
8LFhiaeECJKEMB8GA1UdIwQYMBaAFMOWBAio1GbQQ1xr8LFhiaeECJKEMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKH/QhLp9fXkcX3vVfWT5OrJ
7YHMgMgHJ8ZaUSyeYxV2AiAgmIRnSFdXFuqubrZmYoQx7sH1qayeE7Oj/pESYYnx
tw==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIP94bU3u1oO3k9RKm7+9JkZi/gB9OmTahCJsTbXblghyoAoGCCqGSM49
AwEHoUQDQgAEEXLf9brcE7MMQspq3JHUObAsnbilz+QCEs4z4NMbPRyJa4VPGx3y
6SWmfdvRy2R8dNOlfiwPsWyXMXctiLEbmA==
-----END EC PRIVATE KEY-----
`,
};
