package migration

func syntaxOf(text string, at func(offset int) Position) Syntax {
	return Syntax{Tag: tagOf(leadingWords(text, 12))}
}
