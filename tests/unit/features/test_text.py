from searchrank.features import hash_text, hash_texts, normalize, tokenize


def test_many_texts_hash_like_one():
    texts = ["a", "place-000017", "é", "火锅", "x" * 300, ""]
    assert hash_texts(texts).tolist() == [hash_text(text) for text in texts]
    assert hash_texts(texts[:2]).tolist() == [hash_text(text) for text in texts[:2]]


def test_words_stand_whole_and_ideographs_in_pairs():
    assert tokenize("Hot-pot 火锅店, No_1 茶") == ["hot", "pot", "火锅", "锅店", "no", "1", "茶"]


def test_spelling_case_and_spacing_do_not_matter():
    assert normalize(" CAFE\u0301  Noir") == normalize("café noir") == "café noir"
