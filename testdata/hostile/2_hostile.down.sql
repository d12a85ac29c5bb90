-- </details> @team
DROP INDEX "@team
::error::in a name";
