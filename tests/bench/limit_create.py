POSTGRES = "SELECT 1"
def sqlite(*a): raise NotImplementedError
def values(*a): raise NotImplementedError
