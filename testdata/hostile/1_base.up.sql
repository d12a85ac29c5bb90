CREATE TABLE "@team" (id bigint PRIMARY KEY, "</script><script>alert(1)</script>" text, "#1 {{RLO}}" text, "a|b" text);
CREATE TABLE "<img src=x onerror=alert(1)>" (id bigint PRIMARY KEY, "@team" bigint REFERENCES "@team" (id), "::error::x" text);
CREATE TABLE "x""] } click t1 ""javascript:alert(1)" (id bigint PRIMARY KEY, "%%{init: {}}%%" text);
CREATE TABLE "```
::error::y
</details>
/close" (id bigint PRIMARY KEY, "<!-- assay:summary v1 -->" text, "##[error]z" text, "{{ESC}}[31m" text);
CREATE VIEW "<!-- assay:inline v1 -->" AS SELECT id, "a|b" FROM "@team";
CREATE VIEW "[x](https://evil.example)
@team" AS SELECT * FROM "<!-- assay:inline v1 -->";
CREATE TYPE "<b>enum</b>" AS ENUM ('@team', '<i>');
