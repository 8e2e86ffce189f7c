"""Knowledge bases in SQL, with their history and versions; outcomes of questions."""
