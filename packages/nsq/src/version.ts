/** The NSQ release whose protocols and APIs this is; clients read it in replies to IDENTIFY and in /info. */
export const nsqdVersion = "1.3.0";
