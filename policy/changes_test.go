package policy

import "github.com/assaydb/assay/internal/schema"

// changeTypes is one of each.
var changeTypes = []schema.Change{
	&schema.AddSchema{}, &schema.DropSchema{}, &schema.RenameSchema{},
	&schema.AddExtension{}, &schema.DropExtension{}, &schema.AlterExtension{},
	&schema.AddPublication{}, &schema.DropPublication{}, &schema.AlterPublication{},
	&schema.AddEventTrigger{}, &schema.DropEventTrigger{}, &schema.AlterEventTrigger{},
	&schema.AddTable{}, &schema.DropTable{}, &schema.RenameTable{},
	&schema.MoveTable{}, &schema.SetPersistence{}, &schema.SetTablespace{},
	&schema.SetAccessMethod{}, &schema.SetOptions{}, &schema.SetRowSecurity{},
	&schema.SetReplicaIdentity{}, &schema.SetInheritance{}, &schema.AttachPartition{},
	&schema.DetachPartition{}, &schema.AddView{}, &schema.DropView{},
	&schema.ReplaceView{}, &schema.AddSequence{}, &schema.DropSequence{},
	&schema.AlterSequence{}, &schema.AddColumn{}, &schema.DropColumn{},
	&schema.RenameColumn{}, &schema.AlterColumnType{}, &schema.SetNotNull{},
	&schema.DropNotNull{}, &schema.AlterDefault{}, &schema.AlterIdentity{},
	&schema.AlterGenerated{}, &schema.AlterColumnStorage{}, &schema.AddIndex{},
	&schema.DropIndex{}, &schema.RenameIndex{}, &schema.AlterIndex{},
	&schema.AddConstraint{}, &schema.DropConstraint{}, &schema.RenameConstraint{},
	&schema.ValidateConstraint{}, &schema.AlterConstraint{}, &schema.AddStatistics{},
	&schema.DropStatistics{}, &schema.AlterStatistics{}, &schema.AddObject{}, &schema.DropObject{}, &schema.AlterObject{},
	&schema.Unmodelled{Kind: "label"}, &schema.SetAttributes{Kind: "column"}, &schema.AddType{}, &schema.DropType{},
	&schema.RenameType{}, &schema.AlterType{}, &schema.AddEnumValue{},
	&schema.RenameEnumValue{}, &schema.AddFunction{}, &schema.DropFunction{},
	&schema.RenameFunction{}, &schema.ReplaceFunction{}, &schema.AddTrigger{},
	&schema.DropTrigger{}, &schema.AlterTrigger{}, &schema.AddRule{},
	&schema.DropRule{}, &schema.AlterRule{}, &schema.AddPolicy{},
	&schema.DropPolicy{}, &schema.AlterPolicy{}, &schema.AddGrant{},
	&schema.DropGrant{}, &schema.SetOwner{}, &schema.SetComment{},
}
