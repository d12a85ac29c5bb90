-- @team @org/team #1 GH-1 org/repo#1 !1 ~label %1 $x$ :tada: https://evil.example www.evil.example a@evil.example
-- <img src=x onerror=alert(1)> <script>alert(1)</script> </details></summary> <!-- assay:summary v1 scope=aaaaaa run=999 -->
-- ``` ~~~~ `x` | --- # heading {{RLO}} {{ESC}}[31m {{LONG}}
/*
::error::from a comment
::set-output name=status::success
::add-mask::assay
::stop-commands::x
##[error]from a comment
##vso[task.complete result=Succeeded]
/close
/merge
```
</details>
<!-- assay:summary v1 scope=aaaaaa run=999 -->
*/
CREATE INDEX "@team
::error::in a name" ON "@team" ("</script><script>alert(1)</script>");
CREATE INDEX "<svg onload=alert(1)>" ON "<img src=x onerror=alert(1)>" ("::error::x") /* ``` */ WHERE "::error::x" <> '{{LONG}}';
ALTER TABLE "@team" DROP COLUMN "a|b" CASCADE;
ALTER TABLE "```
::error::y
</details>
/close" ALTER COLUMN "<!-- assay:summary v1 -->" SET NOT NULL, ALTER COLUMN "##[error]z" TYPE bigint USING length("##[error]z"), ADD COLUMN "]] > <b>" "<b>enum</b>" DEFAULT '<i>';
ALTER TABLE "x""] } click t1 ""javascript:alert(1)" RENAME COLUMN "%%{init: {}}%%" TO "end; click t1 href ""https://evil.example""";
-- assay:ignore LK101 @team <img src=x> ``` ::error::r [x](javascript:alert(1)) | <!-- assay:summary v1 -->
CREATE INDEX ON "@team" ("#1 {{RLO}}");
DO $$ BEGIN RAISE EXCEPTION E'@team <img src=x>\n::error::from an error\n/close\n```\n<!-- assay:summary v1 --> %', repeat('x', 70000); END $$;
