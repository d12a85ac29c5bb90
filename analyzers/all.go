package analyzers

// All lists every check, in the order of their ids.
var All = []*Analyzer{
	renameTable,
	renameColumn,
	dropTable,
	dropColumn,
	truncate,
	cascadeDrop,
	createIndex,
	dropIndex,
	addForeignKey,
	tableRewrite,
	fullScan,
	lockHeld,
	noLockTimeout,
	viewReplaced,
	recreated,
	functionUnderData,
	overload,
	statementFails,
	editedMigration,
	outOfOrder,
	ignoreWithoutReason,
	unusedIgnore,
	unknownCheck,
	concurrentlyInTransaction,
}
